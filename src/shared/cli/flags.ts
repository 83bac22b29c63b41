/** Flags as every command declares and reads them. */
import { usage } from '../errors.ts';

/** What yargs read from a command line. */
export type Flags = Readonly<Record<string, unknown>>;

/** A flag with a value, which stays text until the command reads it, so that every refusal is in the same grammar. */
export const textFlag = { type: 'string', requiresArg: true } as const;

/** The value of a {@link textFlag} that may be given once. */
export function oneValue(argv: Flags, flag: string): string | undefined {
  const value = argv[flag];
  if (value === undefined || typeof value === 'string') return value;
  throw usage('one value', `--${flag}`, value);
}

/** The value of a {@link textFlag} that names a file or a folder. */
export function onePath(argv: Flags, flag: string): string | undefined {
  const path = oneValue(argv, flag);
  if (path === '') throw usage('a path', `--${flag}`, path);
  return path;
}

/** The values of a {@link textFlag} that names files or folders and may be repeated. */
export function allPaths(argv: Flags, flag: string): string[] {
  const paths = allValues(argv, flag);
  if (paths.includes('')) throw usage('a path', `--${flag}`, '');
  return paths;
}

/** The values of a {@link textFlag} that may be repeated, as often as it was given. */
export function allValues(argv: Flags, flag: string): string[] {
  return [argv[flag] ?? []].flat().map(String);
}
