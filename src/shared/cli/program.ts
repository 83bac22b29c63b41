/** Parses a command line for one command or several, the same way for all of them. */
import { basename } from 'node:path';
import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { messageOf, shown, UsageError, usage } from '../errors.ts';
import { flagOf, type OptionTable } from '../options.ts';
import { didYouMean } from '../suggest.ts';
import { toggle } from '../values.ts';
import { packageVersion } from '../version.ts';
import { EXIT } from './exit.ts';
import { type Flags, operandsOf, yargsOptions } from './flags.ts';
import { watchOutput } from './output.ts';

/** A subcommand. */
export interface Command {
  /** Its name. */
  command: string;
  /** One line for the help text. */
  describe: string;
  /**
   * What stands behind the name without a flag, if anything: one or more texts (none, too, if optional). `missing`
   * says what to give when there is none.
   */
  operands?: { name: string; description: string } & (
    | { optional: true }
    | { optional?: false; missing: string }
  );
  /** The flag that was probably meant by a word without one, where the command takes none. */
  mainFlag?: string;
  /** What its flags are made from. */
  options: OptionTable;
  /** Does the work and sets the exit status (see runCommand). */
  handler(argv: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Flags that every command has. */
const GENERAL = ['help', 'version'];

/** Commands by name, in the order of the help text: each is loaded when it is called, with the libraries it needs. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/**
 * Runs the command that the process was called with. A wrong command line prints one line and exits with status 2.
 * @param ownName of the program, for its help
 * @param program commands to choose from, or the one command that the program is
 */
export async function runProgram(ownName: string, program: Commands | Command): Promise<void> {
  watchOutput();
  await runCommandLine(calledName(ownName), program, hideBin(process.argv));
}

/** {@link runProgram} for a command line that is not the process's. */
export async function runCommandLine(
  name: string,
  program: Commands | Command,
  args: string[],
): Promise<void> {
  const only = isCommand(program) ? program : undefined;
  const choices = isCommand(program) ? [program] : await calledCommands(program, args[0]);
  const chosen = only ?? choices.find(({ command }) => command === args[0]);
  const parser = createParser(name, args);
  for (const choice of choices) addCommand(parser, choice, only ? '$0' : choice.command);
  if (!only) parser.demandCommand(1, MISSING_COMMAND);
  try {
    if (chosen) checkSwitches(args, chosen);
    else if (args[0] === '--') throw new UsageError(MISSING_COMMAND);
    await parser.parseAsync();
  } catch (thrown) {
    const called = chosen && !only ? `${name} ${chosen.command}` : name;
    const text = chosen
      ? explain(messageOf(thrown), chosen, args)
      : explainCommand(messageOf(thrown), choices, args);
    process.stderr.write(`${text}\nSee ${called} --help\n`);
    process.exitCode = EXIT.usage;
  }
}

/** The name that the program was called by: `extract` is installed as `permafrost-extract`, too. */
function calledName(ownName: string): string {
  const called = basename(process.argv[1]);
  return called === `permafrost-${ownName}` ? called : ownName;
}

/** What is said first where there is no command; the commands follow. */
const MISSING_COMMAND = 'Missing command';

function createParser(name: string, args: string[]): Argv {
  const version = packageVersion();
  return yargs(args)
    .scriptName(name)
    .version(version)
    .help()
    .alias('help', 'h')
    .strict()
    .exitProcess(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'duplicate-arguments-array': true,
      'populate--': true,
    })
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .fail((message, error) => {
      throw error ?? new Error(message);
    });
}

/** @param called its name, or $0 where the program is that command alone */
function addCommand(parser: Argv, command: Command, called: string): void {
  const { describe, operands, options, handler } = command;
  parser.command(
    operands ? `${called} [${operands.name}..]` : called,
    describe,
    (flags) => {
      if (operands) flags.positional(operands.name, { type: 'string', description: operands.description });
      return flags.options(yargsOptions(options));
    },
    (argv) => handler(withOperands(argv, command)),
  );
}

/** What stands behind `--` is a name, whatever it begins with; yargs keeps it apart. */
function withOperands({ '--': behind, ...argv }: Flags, chosen: Command): Flags {
  const { operands } = chosen;
  const names = [behind ?? []].flat().map(String);
  if (!operands) {
    if (names.length > 0) throw new UsageError(strayMessage(names[0], chosen, Object.keys(argv)));
    return argv;
  }
  const all = [...operandsOf(argv, operands.name), ...names];
  if (all.length === 0 && !operands.optional) throw new UsageError(`Missing ${operands.missing}`);
  return { ...argv, [operands.name]: all };
}

function strayMessage(word: string, { command, mainFlag }: Command, given: readonly string[]): string {
  const isMeant = mainFlag !== undefined && !given.includes(mainFlag);
  return `Unexpected ${shown(word)}: ${command} takes flags only${isMeant ? ` (did you mean --${mainFlag} ${word}?)` : ''}`;
}

function isCommand(program: Commands | Command): program is Command {
  return typeof program.command === 'string';
}

/** The command of that name, or all where there is none: for the help, or to say what was meant. */
function calledCommands(commands: Commands, name = ''): Promise<Command[]> {
  const loaders = Object.hasOwn(commands, name) ? [commands[name]] : Object.values(commands);
  return Promise.all(loaders.map((load) => load()));
}

/** Refuses `--dry-run=yes`, which yargs takes for false. */
function checkSwitches(args: readonly string[], { options }: Command): void {
  const switches = Object.keys(options).filter((name) => options[name].kind === toggle);
  const flags = new Set(switches.map(flagOf));
  for (const arg of args) {
    if (arg === '--') return;
    const [, name, value] = /^--(?:no-)?([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (flags.has(name) && value !== 'true' && value !== 'false')
      throw usage('true or false', `--${name}`, value);
  }
}

/** yargs's message in our grammar, with the names near one that it does not know. */
function explain(message: string, chosen: Command, args: readonly string[]): string {
  const [, missing] = /^Missing required arguments?: (.+)$/.exec(message) ?? [];
  const wrong = unknownFlag(args, chosen);
  const [, empty] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (empty !== undefined) return `Missing value for --${empty}`;
  const unknown = missing === undefined ? /^Unknown arguments?: (.+)$/.exec(message)?.[1] : wrong;
  const words = unknown?.split(', ') ?? [];
  const stray = words.find((word) => args.includes(word)) ?? (missing && firstWord(args, chosen));
  if (stray !== undefined) return strayMessage(stray, chosen, flagNames(args));
  if (words.length > 0) {
    const flags = flagsOf(chosen);
    return `Unknown flag ${words.map((name) => `--${name}${didYouMean(name, flags, '--')}`).join(', ')}`;
  }
  return missing === undefined ? message : `Missing ${missing.replace(/^|(?<=, )/g, '--')}`;
}

/** The same of a call without a command that exists. */
function explainCommand(message: string, commands: readonly Command[], args: readonly string[]): string {
  const names = commands.map(({ command }) => command);
  const missing = `${MISSING_COMMAND}: one of ${names.join(', ')}`;
  if (message === MISSING_COMMAND) return missing;
  if (!/^Unknown (?:argument|command)s?: /.test(message)) return message;
  // Its flags are unknown too; what was meant as the command is the first word.
  const word = args.find((arg) => !arg.startsWith('-'));
  return word === undefined ? missing : `Unknown command ${word}${didYouMean(word, names)}`;
}

/** Names of the flags that a command has. */
function flagsOf({ options }: Command): string[] {
  return Object.keys(yargsOptions(options));
}

/** The word in front of all flags, where the command takes none: said rather than that its flag is missing. */
function firstWord(args: readonly string[], { command, operands }: Command): string | undefined {
  const word = args[0] === command ? args[1] : args[0];
  return operands || word === undefined || word.startsWith('-') ? undefined : word;
}

/** A flag that the command does not have: said rather than that the one it was meant for is missing. */
function unknownFlag(args: readonly string[], chosen: Command): string | undefined {
  const flags = new Set([...flagsOf(chosen), ...GENERAL]);
  return flagNames(args).find((name) => !flags.has(name));
}

/** Names of the flags on a command line, up to `--`. */
function flagNames(args: readonly string[]): string[] {
  const ends = args.indexOf('--');
  const flags = ends < 0 ? args : args.slice(0, ends);
  return flags.flatMap((arg) => /^--(?:no-)?([^=]+)/.exec(arg)?.[1] ?? []);
}
