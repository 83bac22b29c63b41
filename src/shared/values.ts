/** Kinds of values an option can have: how each is read, written and refused. */

import { expectedMessage, UsageError, usage } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** Which numbers an option takes. */
export type NumberKind = 'real' | 'whole';

/** The ends of what a number may be; one that is missing is open. */
export interface Limits {
  minimum?: number;
  maximum?: number;
  /** Ends that are not allowed themselves. */
  above?: number;
  below?: number;
}

/** How one kind of value is read from text and written back; `parse(format(value))` is the value. */
export interface ValueKind<V> {
  /** @throws UsageError naming `where` the text stood */
  parse(text: string, where: string): V;
  format(value: V): string;
  /** What a program may pass, in words. */
  what: string;
  /** Whether it is that: what `parse` can return. */
  allows(value: unknown): boolean;
  /** Refuses what is not allowed and names the part of it that is not; without it, the whole is named. */
  check?: Check;
  /** Set for numbers. */
  numbers?: NumberKind;
  limits?: Limits;
  /** Set for words. */
  choices?: readonly string[];
  /** Set for lists whose flag is repeated for each entry. */
  repeats?: true;
}

/** What a kind says of values, not of their text. */
export type Allowed = Omit<ValueKind<unknown>, 'parse' | 'format'>;

/** A value that a program passed. @throws UsageError naming `where` it stood, as `parse` does for its text */
export function checkValue(kind: Allowed, value: unknown, where: string): void {
  const { what, check, allows, choices } = kind;
  check?.(value, where);
  if (allows(value)) return;
  const near = choices && typeof value === 'string' ? didYouMean(value, choices) : '';
  throw new UsageError(expectedMessage(what, where, value) + near);
}

/** Refuses a value that does not fit. @throws UsageError naming `where` it stood */
export type Check = (value: unknown, where: string) => void;

/** What a kind of value allows. */
export function ofKind(kind: Allowed): Check {
  return (value, where) => checkValue(kind, value, where);
}

/** A list, each of whose entries fits. */
export function listOf(check: Check, { min = 0 } = {}): Check {
  return (value, where) => {
    if (!Array.isArray(value)) throw usage('a list', where, value);
    if (value.length < min) throw usage('a list that is not empty', where, value);
    for (const [index, entry] of value.entries()) check(entry, `${where}[${index}]`);
  };
}

/** Text of at least one character, which `what` describes. */
export function wording(what: string): ValueKind<string> {
  return {
    parse(written, where) {
      if (written === '') throw usage(what, where, written);
      return written;
    },
    format: (value) => value,
    what,
    allows: (value) => typeof value === 'string' && value !== '',
  };
}

export const text = wording('text');
/** A file or a folder. */
export const path = wording('a path');

/** Text that stays as it is written, and must be what `read` takes. @param read throws a UsageError naming `where` */
export function writtenAs(read: (text: string, where: string) => unknown): ValueKind<string> {
  return {
    ...text,
    parse(written, where) {
      read(written, where);
      return written;
    },
    ...byCheck((value, where) => {
      checkValue(text, value, where);
      read(value as string, where);
    }),
  };
}

/** What a kind allows, by the check that names what does not fit. */
export function byCheck(check: Check): Required<Pick<ValueKind<unknown>, 'allows' | 'check'>> {
  return {
    check,
    allows(value) {
      try {
        check(value, 'it');
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** Values of one kind, joined by `separator` in a text; without one, a flag is repeated for each. */
export function list<V>(kind: ValueKind<V>, separator?: string): ValueKind<V[]> {
  return {
    parse: (written, where) => {
      const parts = separator === undefined ? [written] : written.split(separator);
      return parts.map((part) => kind.parse(separator === undefined ? part : part.trim(), where));
    },
    format: (values) => values.map((value) => kind.format(value)).join(separator ?? ' '),
    what: 'a list',
    ...byCheck(listOf(ofKind(kind))),
    ...(separator === undefined && { repeats: true }),
  };
}

/** One of a few words. */
export function choice<const V extends string>(choices: readonly V[]): ValueKind<V> {
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

/** A number within limits; `noun` says of what. */
export function number(limits: Limits, noun = 'a number'): ValueKind<number> {
  const { minimum = -Infinity, maximum = Infinity, above = -Infinity, below = Infinity } = limits;
  const within = (value: number): boolean =>
    value >= minimum && value <= maximum && value > above && value < below;
  const what = noun + limitsText(limits);
  const allows = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && within(value);
  return {
    parse(written, where) {
      const value = written.trim() === '' ? Number.NaN : Number(written);
      if (!allows(value)) throw usage(what, where, written);
      return value;
    },
    format: String,
    what,
    allows,
    numbers: 'real',
    limits,
  };
}

/** ` from 0 to below 1`, ` above 0`. */
function limitsText({ minimum, maximum, above, below }: Limits): string {
  if (above !== undefined)
    return ` above ${above}${maximum === undefined ? '' : `, up to ${maximum},`}${below === undefined ? '' : ` and below ${below}`}`;
  if (minimum === undefined) return '';
  if (below !== undefined) return ` from ${minimum} to below ${below}`;
  if (maximum === minimum) return ` ${minimum}`;
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`;
}

/** A whole number of at least `minimum`, and at most `maximum` where that is given. */
export function wholeNumber(minimum: number, maximum?: number, noun = 'a whole number'): ValueKind<number> {
  const kind = number({ minimum, maximum }, noun);
  const allows = (value: unknown) => Number.isSafeInteger(value) && kind.allows(value);
  return {
    ...kind,
    parse(written, where) {
      const value = kind.parse(written, where);
      if (!allows(value)) throw usage(kind.what, where, written);
      return value;
    },
    allows,
    numbers: 'whole',
  };
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
  format(bytes) {
    const unit = UNITS.findLastIndex((_, power) => bytes % 1024 ** power === 0);
    return unit <= 0 ? String(bytes) : `${bytes / 1024 ** unit}${UNITS[unit]}B`;
  },
  parse(text, where) {
    const { amount, unit } =
      /^(?<amount>\d+(\.\d+)?)\s*(?<unit>[KMGT]?)(i?B)?$/i.exec(text.trim())?.groups ?? {};
    const bytes = Math.floor(Number(amount) * 1024 ** UNITS.indexOf(unit?.toUpperCase() ?? ''));
    if (!(bytes >= 1 && Number.isSafeInteger(bytes))) throw usage('a size like 800MB or 4GB', where, text);
    return bytes;
  },
};
