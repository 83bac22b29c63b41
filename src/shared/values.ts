/** Kinds of values an option can have: how each is read, written and refused. */

import { expectedMessage, UsageError, usage } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** Which numbers an option takes. */
export type NumberKind = 'real' | 'whole';

/** How one kind of value is read from text and written back; `parse(format(value))` is the value. */
export interface ValueKind<V> {
  /** @throws UsageError naming `where` the text stood */
  parse(text: string, where: string): V;
  format(value: V): string;
  /** What a program may pass, in words. */
  what: string;
  /** Whether it is that: what `parse` can return. */
  allows(value: unknown): boolean;
  /** Set for numbers. */
  numbers?: NumberKind;
  /** Set for words. */
  choices?: readonly string[];
}

/** What a kind says of values, not of their text. */
export type Allowed = Pick<ValueKind<unknown>, 'what' | 'allows' | 'choices' | 'numbers'>;

/** A value that a program passed. @throws UsageError naming `where` it stood, as `parse` does for its text */
export function checkValue({ what, allows, choices }: Allowed, value: unknown, where: string): void {
  if (allows(value)) return;
  const near = choices && typeof value === 'string' ? didYouMean(value, choices) : '';
  throw new UsageError(expectedMessage(what, where, value) + near);
}

/** One of a few words. */
export function choice<V extends string>(choices: readonly V[]): ValueKind<V> {
  const what = `one of ${choices.join(', ')}`;
  return {
    parse(text, where) {
      const found = choices.find((name) => name === text);
      if (found !== undefined) return found;
      throw new UsageError(expectedMessage(what, where, text) + didYouMean(text, choices));
    },
    format: (value) => value,
    what,
    allows: (value) => choices.some((name) => name === value),
    choices,
  };
}

/** `true` or `false`. */
export const toggle: ValueKind<boolean> = {
  parse(text, where) {
    if (text !== 'true' && text !== 'false') throw usage('true or false', where, text);
    return text === 'true';
  },
  format: String,
  what: 'true or false',
  allows: (value) => typeof value === 'boolean',
};

/** A number within limits, which `what` describes. */
export function number(what: string, allowed: (value: number) => boolean): ValueKind<number> {
  const allows = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && allowed(value);
  return {
    parse(text, where) {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (!allows(value)) throw usage(what, where, text);
      return value;
    },
    format: String,
    what,
    allows,
    numbers: 'real',
  };
}

/** A whole number of at least `least`, and at most `most` where that is given. */
export function wholeNumber(minimum: number, maximum?: number): ValueKind<number> {
  const what =
    maximum === undefined
      ? `a whole number of at least ${minimum}`
      : `a whole number from ${minimum} to ${maximum}`;
  const within = (value: number) => value >= minimum && value <= (maximum ?? value);
  return { ...number(what, (value) => Number.isSafeInteger(value) && within(value)), numbers: 'whole' };
}

const UNITS = ['', 'K', 'M', 'G', 'T'];

/** An amount of memory for a message: `1.54 GB`. */
export function shownBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${UNITS[unit]}B`;
}

/** An amount of memory in bytes, written as 1500000, 800MB, 1.5GB or 4G (1 KB is 1024 bytes). */
export const byteSize: ValueKind<number> = {
  ...wholeNumber(1),
  parse(text, where) {
    const { amount, unit } =
      /^(?<amount>\d+(\.\d+)?)\s*(?<unit>[KMGT]?)(i?B)?$/i.exec(text.trim())?.groups ?? {};
    const bytes = Math.floor(Number(amount) * 1024 ** UNITS.indexOf(unit?.toUpperCase() ?? ''));
    if (!(bytes >= 1 && Number.isSafeInteger(bytes))) throw usage('a size like 800MB or 4GB', where, text);
    return bytes;
  },
};
