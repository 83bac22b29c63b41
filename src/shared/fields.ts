/** Checks of fields in parsed JSON from a file; each refusal names the field and what was found. */
import { InputError, messageOf, unexpected } from './errors.ts';
import { choice, number, text, toggle, type ValueKind, wholeNumber } from './values.ts';

export type Fields = Record<string, unknown>;

/** Parses a JSON file's text. */
export function parseJson(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch (thrown) {
    throw new InputError(`Expected JSON in ${path} but it is damaged: ${messageOf(thrown)}`);
  }
}

export function asObject(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unexpected('an object', where, value);
  }
  return value as Fields;
}

export function asList(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw unexpected('a list', where, value);
  return value;
}

/** A value of one kind. */
export function asKind<V>(value: unknown, where: string, kind: ValueKind<V>): V {
  if (!kind.allows(value)) throw unexpected(kind.what, where, value);
  return value as V;
}

/** Text of at least one character. */
export function asText(value: unknown, where: string): string {
  return asKind(value, where, text);
}

/** A list of at least one text. */
export function asTexts(value: unknown, where: string): string[] {
  const texts = asList(value, where).map((entry, i) => asText(entry, `${where}[${i}]`));
  if (texts.length === 0) throw unexpected('a list that is not empty', where, value);
  return texts;
}

/** Text of a form that `what` describes. */
export function asMatching(value: unknown, where: string, pattern: RegExp, what: string): string {
  const matching = asText(value, where);
  if (!pattern.test(matching)) throw unexpected(what, where, matching);
  return matching;
}

export function asBoolean(value: unknown, where: string): boolean {
  return asKind(value, where, toggle);
}

const anyNumber = number({});

/** A finite number. */
export function asNumber(value: unknown, where: string): number {
  return asKind(value, where, anyNumber);
}

export function asWhole(value: unknown, where: string, from: number, to: number): number {
  return asKind(value, where, wholeNumber(from, to));
}

export function asOneOf<T extends string>(value: unknown, where: string, choices: readonly T[]): T {
  return asKind(value, where, choice(choices));
}
