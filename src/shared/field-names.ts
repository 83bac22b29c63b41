/** Messages of the library: what a command calls by its flags is called by its fields. */

import { InputError, UsageError } from './errors.ts';
import { flagOf, type OptionTable } from './options.ts';
import type { Reporter } from './reporter.ts';

/** The field of each flag that is not called like it: `--near-duplicates` is nearDuplicates without being listed. */
export type FieldNames = Readonly<Record<string, string>>;

/** The names of the fields that options are passed in. */
export function fieldNamesOf(options: OptionTable): FieldNames {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, { field }]) => (field ? [[flagOf(name), field]] : [])),
  );
}

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
