/** What can be said to a command and to a function: one table each, from which flags, checks, defaults and docs are made. */

import { expectedMessage, UsageError, usage } from './errors.ts';
import { didYouMean } from './suggest.ts';
import { type Check, ofKind, type ValueKind } from './values.ts';

/** One option. In its table it has the name of its field; its flag is that name in kebab case. */
export interface Option<V> {
  /** Its values: how they are written, their limits. */
  kind: ValueKind<V>;
  /** What it does and what may be written, for the help text. */
  description: string;
  /** What it is where it is not given. */
  default?: V;
  /** That in words, where the machine or the data decide. */
  defaultText?: string;
  /** Whether it must be given; `field`: only by a program. */
  required?: true | 'field';
  /** What its flag means without a value. */
  alone?: V;
  /** What it means nothing without. */
  needs?: Needs;
  /** Where a program passes it, if not under its name: `backbone.size`. False: it is a flag only. */
  field?: string | false;
  /** What a program passes, where that is not what the flag's text becomes. */
  check?: Check;
  /** False: only a program passes it. */
  flag?: false;
  /** Its heading in the help text. */
  group?: string;
}

/** What another option must be. */
export interface Needs {
  what: string;
  met(values: Readonly<Record<string, unknown>>): boolean;
}

/** Options by name, in the order of the help text. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

type ValueOf<O> = O extends { kind: ValueKind<infer V> } ? V : never;

/** Values of those options that were given. */
export type Given<T> = { [K in keyof T]?: ValueOf<T[K]> };

/** Values of all options; undefined for those without one. */
export type Values<T> = {
  [K in keyof T]:
    | ValueOf<T[K]>
    | (T[K] extends { default: unknown } | { required: true } ? never : undefined);
};

/** Values of all options that have a default. */
export type Defaults<T> = {
  [K in keyof T as T[K] extends { default: unknown } ? K : never]: ValueOf<T[K]>;
};

/** `batchSize` as it is written after `--` and in a grid: `batch-size`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The values of options that are not given. */
export function defaultsOf<T extends OptionTable>(options: T): Defaults<T> {
  const entries = Object.entries(options).filter(([, option]) => option.default !== undefined);
  return Object.fromEntries(entries.map(([name, option]) => [name, option.default])) as Defaults<T>;
}

/** What a program passed, with the defaults; a field that is undefined counts as left out. */
export function withDefaults<T extends OptionTable, G extends object>(
  options: T,
  given: G,
): Defaults<T> & Omit<G, keyof Defaults<T>> {
  return { ...defaultsOf(options), ...definedFields(given) } as Defaults<T> & Omit<G, keyof Defaults<T>>;
}

/** A copy without the fields that are undefined. */
export function definedFields<G extends object>(given: G): G {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as G;
}

/**
 * @param values those of `given`, with the defaults of the others
 * @throws UsageError for an option that means nothing beside the others, naming its flag
 */
export function checkNeeds(options: OptionTable, given: object, values: object): void {
  for (const [name, value] of Object.entries(given)) {
    const needs = options[name]?.needs;
    if (value !== undefined && needs && !needs.met(values as Record<string, unknown>))
      throw new UsageError(`--${flagOf(name)} needs ${needs.what}`);
  }
}

/** Options that a program passes in a field of their own. @param more that is to be said of all of them */
export function within<T extends OptionTable>(
  field: string,
  options: T,
  more: Pick<Option<unknown>, 'needs' | 'group'> = {},
): T {
  const entries = Object.entries(options).map(([name, option]) => [
    name,
    {
      ...option,
      field: option.field !== false && `${field}.${option.field ?? name}`,
      ...more,
    },
  ]);
  return Object.fromEntries(entries) as T;
}

/** A check for each field. */
export type Checks = Readonly<Record<string, Check>>;

/** Where the fields of a function's own options stand. */
export const OPTIONS = 'the options';

/** The checks of the fields that a program passes options in; fields of fields are checked together. */
export function checksOf(options: OptionTable): Checks {
  const checks: Record<string, Check> = {};
  const inner = new Map<string, Record<string, Option<unknown>>>();
  for (const [name, option] of Object.entries(options)) {
    if (option.field === false) continue;
    const [first, ...rest] = (option.field ?? name).split('.');
    if (rest.length === 0) checks[first] = option.check ?? ofKind(option.kind);
    else inner.set(first, { ...inner.get(first), [name]: { ...option, field: rest.join('.') } });
  }
  for (const [first, table] of inner) checks[first] = fields(checksOf(table), requiredFields(table));
  return checks;
}

/** Values as a program passes them: under their fields; those that are undefined are left out. */
export function byField<F>(options: OptionTable, values: object): F {
  const nested: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const { field = name } = options[name];
    if (field === false || value === undefined) continue;
    const folders = field.split('.');
    const last = folders.pop() ?? field;
    let target = nested;
    for (const folder of folders) {
      target[folder] ??= {};
      target = target[folder] as Record<string, unknown>;
    }
    target[last] = value;
  }
  return nested as F;
}

/**
 * Checks what a program passed to a function.
 * @param more checks of fields that no option stands for, or that are more than their options
 * @param needed fields that must be given beside those of required options
 * @throws UsageError naming the first field that does not fit
 */
export function checkOptions(
  options: OptionTable,
  given: unknown,
  { more = {}, needed = [] }: { more?: Checks; needed?: readonly string[] } = {},
): void {
  fields({ ...checksOf(options), ...more }, [...needed, ...requiredFields(options)])(given, OPTIONS);
}

function requiredFields(options: OptionTable): string[] {
  const required = Object.entries(options).filter(([, option]) => option.required !== undefined);
  return required.map(([name, { field }]) => field || name).filter((field) => !field.includes('.'));
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

const func: Check = (value, where) => {
  if (typeof value !== 'function') throw usage('a function', where, value);
};

/** What every function takes beside its options. */
export const CONTEXT_CHECKS = {
  signal(value, where) {
    if (!(value instanceof AbortSignal)) throw usage('an AbortSignal', where, value);
  },
  // A reporter may be more than that.
  reporter(value, where) {
    if (typeof value !== 'object' || value === null) throw usage('a reporter', where, value);
    const reporter = value as Record<string, unknown>;
    for (const name of ['info', 'warn', 'progress']) func(reporter[name], `${where}.${name}`);
  },
} as const satisfies Checks;
