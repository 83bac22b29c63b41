/** Ranges in a grid, from which `--random` draws: `0..0.5`, or by its logarithm `log(1e-5..1e-1)`. */

import { usage } from '../../shared/errors.ts';
import { HEAD_OPTIONS, type HeadOptionKey } from '../../shared/head/options.ts';
import { flagOf } from '../../shared/options.ts';
import type { Random } from '../../shared/random.ts';
import type { NumberKind } from '../../shared/values.ts';

/** Numbers from `from` to `to`, both included. */
export interface Range {
  from: number;
  to: number;
  /** `log`: every factor is as likely as every other; `linear`: every difference. */
  scale: 'linear' | 'log';
  numbers: NumberKind;
}

/** Digits of a drawn number: more would only make the leaderboard harder to read. */
const DIGITS = 4;

const PATTERN = /^(?<log>log\()?(?<from>[^.()]*(?:\.\d[^.()]*)?)\.\.(?<to>[^()]*?)(?<end>\))?$/;

export function isRange(value: unknown): value is Range {
  return typeof value === 'object' && value !== null && 'scale' in value;
}

/**
 * Reads a range; undefined for text that is none.
 * @throws UsageError for ends that the option does not allow or that are the wrong way round
 */
export function parseRange(text: string, key: HeadOptionKey, where: string): Range | undefined {
  const { log, from, to, end } = PATTERN.exec(text)?.groups ?? {};
  if (from === undefined || to === undefined || (log === undefined) !== (end === undefined)) return undefined;
  const { kind } = HEAD_OPTIONS[key];
  if (kind.numbers === undefined)
    throw usage(`a list of values (${flagOf(key)} is not a number)`, where, text);
  const [low, high] = [from, to].map((bound) => Number(kind.parse(bound.trim(), where)));
  if (low >= high) throw usage('a range from its lower to its higher end', where, text);
  if (log !== undefined && low <= 0) throw usage('a range above 0 for log(...)', where, text);
  return { from: low, to: high, scale: log === undefined ? 'linear' : 'log', numbers: kind.numbers };
}

/** A number of the range; of whole numbers each is about as likely. */
export function drawFrom({ from, to, scale, numbers }: Range, stream: Random): number {
  // Half a step beyond each end gives the ends of whole numbers their share.
  const margin = numbers === 'whole' ? 0.5 : 0;
  // The logarithm of 0 has no half step beside it.
  const low = scale === 'log' ? Math.max(from - margin, from / 2) : from - margin;
  const high = to + margin;
  const share = stream.uniform();
  const drawn = scale === 'log' ? low * (high / low) ** share : low + (high - low) * share;
  const rounded = numbers === 'whole' ? Math.round(drawn) : Number(drawn.toPrecision(DIGITS));
  return Math.min(to, Math.max(from, rounded));
}

/** A range as it is written. */
export function formatRange({ from, to, scale }: Range): string {
  return scale === 'log' ? `log(${from}..${to})` : `${from}..${to}`;
}
