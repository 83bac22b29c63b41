/** Checks of fields in parsed JSON from a file; each refusal names the field and what was found. */
import { InputError, messageOf, unexpected } from './errors.ts';

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

/** Text of at least one character. */
export function asText(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw unexpected('text', where, value);
  return value;
}

/** A list of at least one text. */
export function asTexts(value: unknown, where: string): string[] {
  const texts = asList(value, where).map((entry, i) => asText(entry, `${where}[${i}]`));
  if (texts.length === 0) throw unexpected('a list that is not empty', where, value);
  return texts;
}

/** Text of a form that `what` describes. */
export function asMatching(value: unknown, where: string, pattern: RegExp, what: string): string {
  const text = asText(value, where);
  if (!pattern.test(text)) throw unexpected(what, where, text);
  return text;
}

export function asBoolean(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw unexpected('true or false', where, value);
  return value;
}

/** A finite number; `what` describes the limits that it lies `within`. */
export function asNumber(
  value: unknown,
  where: string,
  what = 'a number',
  within: (value: number) => boolean = () => true,
): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !within(value))
    throw unexpected(what, where, value);
  return value;
}

export function asWhole(value: unknown, where: string, from: number, to: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < from || (value as number) > to) {
    throw unexpected(`a whole number from ${from} to ${to}`, where, value);
  }
  return value as number;
}

export function asOneOf<T extends string>(value: unknown, where: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw unexpected(`one of ${choices.join(', ')}`, where, value);
  return found;
}
