/** Grids as data: which values of which options a sweep combines. */

import type { SourceKey, SourceRequest } from '../../shared/dataset/source-options.ts';
import { usage } from '../../shared/errors.ts';
import {
  HEAD_OPTION_KEYS,
  HEAD_OPTIONS,
  type HeadOptionKey,
  type HeadRequest,
} from '../../shared/head/options.ts';
import { fields } from '../../shared/options.ts';
import { type Allowed, type Check, choice, listOf, ofKind, text } from '../../shared/values.ts';
import { isRange, type Range } from '../search/ranges.ts';

/** Values of head options that are combined each with each; from a range random search draws. */
export type HeadBlock = { [K in HeadOptionKey]?: (HeadRequest[K] | Range)[] };

/** With them, the sources that the heads are trained on. */
export type GridBlock = HeadBlock & { [K in SourceKey]?: SourceRequest[K][] };

/** The union of its blocks. */
export type Grid = readonly GridBlock[];

/** What a program passes for a grid: `default` or blocks. @throws UsageError naming the value that does not fit */
export const checkGrid: Check = (value, where) => {
  if (value === 'default') return;
  const names = listOf(ofKind(text), { min: 1 });
  const heads = HEAD_OPTION_KEYS.map((key): [string, Check] => [key, gridValues(HEAD_OPTIONS[key].kind)]);
  const block = fields({
    ...Object.fromEntries(heads),
    features: listOf(names, { min: 1 }),
    pooling: listOf(listOf(ofKind(text)), { min: 1 }),
  });
  listOf(block, { min: 1 })(value, where);
};

/** Values of an option, or a range of numbers. */
function gridValues(kind: Allowed): Check {
  return listOf(
    (value, where) => (isRange(value) ? checkRange(value, kind, where) : ofKind(kind)(value, where)),
    { min: 1 },
  );
}

function checkRange(value: object, kind: Allowed, where: string): void {
  if (kind.numbers === undefined) throw usage(kind.what, where, value);
  const ends = { from: ofKind(kind), to: ofKind(kind) };
  const scale = ofKind(choice(['linear', 'log']));
  fields({ ...ends, scale, numbers: ofKind(choice([kind.numbers])) }, ['from', 'to', 'numbers'])(
    value,
    where,
  );
  const range = value as { from: number; to: number; scale: string };
  if (range.from >= range.to) throw usage('a range from its lower to its higher end', where, value);
  if (range.scale === 'log' && range.from <= 0) throw usage('a range above 0 for log', where, value);
}
