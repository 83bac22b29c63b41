/** Parses a command line for one command or several, the same way for all of them. */
import { createRequire } from 'node:module';
import yargs, { type Options } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { expectedMessage, messageOf, usage } from '../errors.ts';
import { EXIT } from './command.ts';
import { didYouMean } from './suggest.ts';

/** A subcommand. */
export interface Command {
  /** Its name. */
  command: string;
  /** One line for the help text. */
  describe: string;
  /** What stands behind the name without a flag, if anything: one or more texts (none, too, if optional). */
  operands?: { name: string; shown: string; description: string; optional?: boolean };
  /** Its flags by name. */
  builder: Record<string, Options>;
  /** Does the work and sets the exit status (see runCommand). */
  handler(argv: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Flags that every command has. */
const GENERAL = ['help', 'version'];

/** Commands by name, in the order of the help text: each is loaded when it is called, with the libraries it needs. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/**
 * Runs the command that the process was called with. A wrong command line prints one line and exits with status 2.
 * @param name of the program, for its help
 * @param program commands to choose from, or the one command that the program is
 */
export async function runProgram(name: string, program: Commands | Command): Promise<void> {
  const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
  const args = hideBin(process.argv);
  const only = isCommand(program) ? program : undefined;
  const choices = isCommand(program) ? [program] : await calledCommands(program, args[0]);
  const chosen = only ?? choices.find(({ command }) => command === args[0]);
  const parser = yargs(args)
    .scriptName(name)
    .version(version)
    .help()
    .alias('help', 'h')
    .strict()
    .exitProcess(false)
    .parserConfiguration({ 'camel-case-expansion': false, 'duplicate-arguments-array': true })
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .fail((message, error) => {
      throw error ?? new Error(message);
    });
  for (const { command, describe, operands, builder, handler } of choices) {
    const called = only ? '$0' : command;
    parser.command(
      operands ? `${called} ${operands.optional ? `[${operands.name}..]` : `<${operands.name}..>`}` : called,
      describe,
      (flags) => {
        if (operands) flags.positional(operands.name, { type: 'string', description: operands.description });
        return flags.options(builder);
      },
      handler,
    );
  }
  if (!only) {
    parser.demandCommand(1, `Expected a command: ${choices.map(({ command }) => command).join(', ')}`);
  }
  try {
    if (chosen) checkSwitches(args, chosen);
    await parser.parseAsync();
  } catch (thrown) {
    const known = chosen ? Object.keys(chosen.builder) : choices.map(({ command }) => command);
    const help = `${name}${chosen && !only ? ` ${chosen.command}` : ''} --help`;
    process.stderr.write(`${explain(messageOf(thrown), known, chosen, args)}\n${help} shows what there is\n`);
    process.exitCode = EXIT.usage;
  }
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
function checkSwitches(args: readonly string[], { builder }: Command): void {
  for (const arg of args) {
    if (arg === '--') return;
    const [, name, value] = /^--(?:no-)?([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (builder[name]?.type === 'boolean' && value !== 'true' && value !== 'false')
      throw usage('true or false', `--${name}`, value);
  }
}

/** yargs's message in our grammar, with the names near one that it does not know. */
function explain(
  message: string,
  known: string[],
  chosen: Command | undefined,
  args: readonly string[],
): string {
  if (chosen?.operands && message.startsWith('Not enough non-option arguments'))
    return `Expected ${chosen.operands.shown} but received nothing`;
  const [, missing] = /^Missing required arguments?: (.+)$/.exec(message) ?? [];
  const wrong = chosen && unknownFlag(args, chosen);
  if (missing !== undefined && wrong === undefined)
    return `Expected ${missing.replace(/^|(?<=, )/g, '--')} but received nothing`;
  const [, empty] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (empty !== undefined) return `Expected a value for --${empty} but received nothing`;
  const unknown = missing === undefined ? /^Unknown (?:argument|command)s?: (.+)$/.exec(message)?.[1] : wrong;
  if (unknown === undefined) return message;
  const words = unknown.split(', ');
  const stray = words.find((word) => args.includes(word));
  if (chosen && stray !== undefined) return expectedMessage('flags only', chosen.command, stray);
  const names = words.map((name) => `${chosen ? '--' : ''}${name}${didYouMean(name, known)}`);
  return `Unknown ${chosen ? 'flag' : 'command'} ${names.join(', ')}`;
}

/** A flag that the command does not have: said rather than that the one it was meant for is missing. */
function unknownFlag(args: readonly string[], { builder }: Command): string | undefined {
  const ends = args.indexOf('--');
  const flags = ends < 0 ? args : args.slice(0, ends);
  const known = new Set([...Object.keys(builder), ...GENERAL]);
  const names = flags.map((arg) => /^--(?:no-)?([^=]+)/.exec(arg)?.[1]);
  return names.find((name) => name !== undefined && !known.has(name));
}
