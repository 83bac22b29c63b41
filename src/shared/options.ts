/** Options that a program passes to a function: checked before any work, and named as fields where a command names flags. */

import { expectedMessage, InputError, UsageError, usage } from './errors.ts';
import type { Reporter } from './reporter.ts';
import { didYouMean } from './suggest.ts';
import { type Allowed, checkValue } from './values.ts';

/** Refuses a value that does not fit. @throws UsageError naming `where` it stood */
export type Check = (value: unknown, where: string) => void;

/** A check for each field. */
export type Checks = Readonly<Record<string, Check>>;

/** What a kind of value allows. */
export function ofKind(kind: Allowed): Check {
  return (value, where) => checkValue(kind, value, where);
}

/** Text of at least one character: a path, a name. */
export const text: Check = (value, where) => {
  if (typeof value !== 'string' || value === '') throw usage('text', where, value);
};

export const texts = listOf(text);

/** A list, each of whose entries fits. */
export function listOf(check: Check, { min = 0 } = {}): Check {
  return (value, where) => {
    if (!Array.isArray(value)) throw usage('a list', where, value);
    if (value.length < min) throw usage('a list that is not empty', where, value);
    value.forEach((entry: unknown, index) => {
      check(entry, `${where}[${index}]`);
    });
  };
}

/** An object of fields, each of which fits; one that is undefined counts as left out. */
export function fields(checks: Checks, needed: readonly string[] = []): Check {
  return (value, where) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw usage('an object', where, value);
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    const place = (name: string) => (where === OPTIONS ? name : `${where}.${name}`);
    for (const [name, entry] of entries) {
      if (!Object.hasOwn(checks, name)) {
        const message = expectedMessage(`an option of ${where}`, 'its name', name);
        throw new UsageError(message + didYouMean(name, Object.keys(checks)));
      }
      checks[name](entry, place(name));
    }
    const given = new Set(entries.map(([name]) => name));
    for (const name of needed) if (!given.has(name)) throw usage('a value', place(name), undefined);
  };
}

/** Where the fields of a function's own options stand. */
export const OPTIONS = 'the options';

const func: Check = (value, where) => {
  if (typeof value !== 'function') throw usage('a function', where, value);
};

/** What every function takes beside its options. */
export const CONTEXT_CHECKS: Checks = {
  signal(value, where) {
    if (!(value instanceof AbortSignal)) throw usage('an AbortSignal', where, value);
  },
  // A reporter may be more than that.
  reporter(value, where) {
    if (typeof value !== 'object' || value === null) throw usage('a reporter', where, value);
    const reporter = value as Record<string, unknown>;
    for (const name of ['info', 'warn', 'progress']) func(reporter[name], `${where}.${name}`);
  },
};

/** The field of each flag that is not called like it: `--near-duplicates` is nearDuplicates without being listed. */
export type FieldNames = Readonly<Record<string, string>>;

/** A flag in a sentence, not two hyphens inside of a word. */
const FLAG = /(?<=^|[\s"'([])--(no-)?([a-z][a-z0-9-]*[a-z0-9])/g;

/** A message in which flags are called like fields. */
function withFields(message: string, names: FieldNames): string {
  return message.replace(FLAG, (_, no: string | undefined, flag: string) => {
    const field = names[flag] ?? flag.replace(/-([a-z])/g, (__, letter: string) => letter.toUpperCase());
    return no ? `${field} false` : field;
  });
}

/** Does work whose refusals and messages name flags, with the names of fields in their place. */
export async function namingFields<T>(names: FieldNames, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof UsageError || thrown instanceof InputError)
      thrown.message = withFields(thrown.message, names);
    throw thrown;
  }
}

/** A reporter whose messages name fields. */
export function reportingFields(names: FieldNames, reporter: Reporter): Reporter {
  return {
    ...reporter,
    info: (message) => reporter.info(withFields(message, names)),
    warn: (message) => reporter.warn(withFields(message, names)),
    progress: (label, unit, total) => reporter.progress(label, unit, total),
  };
}
