/** Which stores and columns heads take their inputs from, as options and grids say it. */

import { usage } from '../errors.ts';
import type { ValueKind } from '../values.ts';

/** Stores and columns side by side. */
export interface SourceRequest {
  /** Folders of stores, which are joined by image. */
  features: string[];
  /** Columns of every store, `last` or `depths`; empty: those of the last layer. */
  pooling: string[];
}

export type SourceKey = keyof SourceRequest;

/** What a source is called on the leaderboard of a sweep that has several. */
export type SourceName = Readonly<Record<SourceKey, string>>;

/** `+` between names; the one inside `cls+mean`, which is one column, joins nothing. */
const JOINT = /(?<!(?:^|[+/])\s*cls)\+|\+(?!mean\s*(?:\+|$))/;

/** What is joined by `+` in one value of a grid, and by commas after a flag. */
const joined: ValueKind<string[]> = {
  parse(text, where) {
    const names = text.split(JOINT).map((name) => name.trim());
    if (names.includes('')) throw usage('names joined by +', where, text);
    return names;
  },
  format: (names) => names.join('+'),
  what: 'a list of names',
  allows: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && name.trim() !== ''),
};

/** Keys of a grid beside the options of heads. */
export const SOURCE_OPTIONS: { readonly [K in SourceKey]: ValueKind<SourceRequest[K]> } = {
  features: joined,
  pooling: joined,
};

export const SOURCE_KEYS = Object.keys(SOURCE_OPTIONS) as SourceKey[];

/** What any two lines' sources differ in; a line without one has the only source. */
export function variedSourceKeys(names: readonly (SourceName | undefined)[]): SourceKey[] {
  return SOURCE_KEYS.filter((key) => new Set(names.map((name) => name?.[key])).size > 1);
}
