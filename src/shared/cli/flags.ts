/** Flags, made from tables of options: yargs only takes a command line apart, and what it reads stays text until here. */
import type { Options } from 'yargs';
import { usage } from '../errors.ts';
import {
  checkNeeds,
  defaultsOf,
  flagOf,
  type Given,
  type Option,
  type OptionTable,
  type Values,
} from '../options.ts';
import { toggle } from '../values.ts';

/** What yargs read from a command line. */
export type Flags = Readonly<Record<string, unknown>>;

/** The flags of a command for yargs, by name. */
export function yargsOptions(options: OptionTable): Record<string, Options> {
  return Object.fromEntries(flagged(options).map(([name, option]) => [flagOf(name), yargsOption(option)]));
}

function flagged(options: OptionTable): [name: string, option: Option<unknown>][] {
  return Object.entries(options).filter(([, { flag }]) => flag !== false);
}

function yargsOption(option: Option<unknown>): Options {
  const { kind, description, alone, required, group } = option;
  return {
    description,
    ...(kind === toggle ? { type: 'boolean' } : { type: 'string', requiresArg: alone === undefined }),
    ...(kind.repeats && { array: true }),
    ...(required === true && { demandOption: true }),
    ...(group !== undefined && { group }),
    defaultDescription: shownDefault(option),
  };
}

/** What an option is where it is not given, in words; undefined where there is nothing to say. */
export function shownDefault({ kind, default: value, defaultText }: Option<unknown>): string | undefined {
  return defaultText ?? (value === undefined ? undefined : kind.format(value));
}

/**
 * The options of a command line.
 * @throws UsageError for a value that does not fit, a flag given twice, or one that means nothing beside the others
 */
export function readFlags<T extends OptionTable>(options: T, argv: Flags): Values<T> {
  const given = givenFlags(options, argv);
  const values = { ...defaultsOf(options), ...given };
  checkNeeds(options, given, values);
  return values as Values<T>;
}

/** The options that a command line gives; those that it does not are absent. @throws UsageError as {@link readFlags} does */
export function givenFlags<T extends OptionTable>(options: T, argv: Flags): Given<T> {
  const given = flagged(options).filter(([name]) => argv[flagOf(name)] !== undefined);
  return Object.fromEntries(
    given.map(([name, option]) => [name, flagValue(option, argv[flagOf(name)], `--${flagOf(name)}`)]),
  ) as Given<T>;
}

function flagValue({ kind, alone }: Option<unknown>, given: unknown, where: string): unknown {
  if (kind.repeats) return [given].flat().flatMap((text) => kind.parse(String(text), where));
  if (Array.isArray(given)) throw usage('one value', where, given);
  return given === '' && alone !== undefined ? alone : kind.parse(String(given), where);
}

/** The words of a command that are no flags. */
export function operandsOf(argv: Flags, name: string): string[] {
  return [argv[name] ?? []].flat().map(String);
}
