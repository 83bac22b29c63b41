/** How sure a validation score is: intervals by bootstrap, and which heads cannot be told from the best. */
import type { MetricName } from '../head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { random } from '../random.ts';

/** Where 95 of 100 resamples fall. */
export interface Interval {
  low: number;
  high: number;
}

/** A head's interval, and whether it can be told from the first head's. */
export interface LeaderboardRow {
  interval: Interval | null;
  /** Whether the difference to the first head changes its sign within 95 of 100 resamples; the first ties with itself. */
  tied: boolean;
}

/** Of the resamples, inside an interval. */
const SHARE = 0.95;

/** Resamples: of few rows many, since they are cheap and their quantiles coarse. */
const resamplesFor = (rows: number): number => (rows <= 1000 ? 1000 : 200);

/**
 * Percentile bootstrap (Efron 1979) of a metric over the same rows for every head, so that differences are paired.
 * @param heads predictions for the same rows with the same targets, the best head first
 */
export function bootstrap(heads: readonly Evaluation[], metric: MetricName): LeaderboardRow[] {
  const [first] = heads;
  if (!first || first.rows < 2) return heads.map((_, index) => ({ interval: null, tied: index === 0 }));
  const values = resample(heads, first.rows, metric);
  return values.map((own, index) => {
    const difference = differences(own, values[0]);
    return {
      interval: middle(own),
      tied: index === 0 || (difference !== null && difference.low <= 0 && difference.high >= 0),
    };
  });
}

/**
 * The interval of how much a metric of `head` exceeds that of `other` on the same rows, by the same resamples; null where there is none.
 * @param share of the resamples that are inside
 */
export function differenceInterval(
  head: Evaluation,
  other: Evaluation,
  metric: MetricName,
  share = SHARE,
): Interval | null {
  if (head.rows < 2) return null;
  const [own, others] = resample([head, other], head.rows, metric);
  return differences(own, others, share);
}

function differences(own: Float64Array, others: Float64Array, share = SHARE): Interval | null {
  return middle(
    own.map((value, index) => value - others[index]),
    share,
  );
}

/** The metric of each head on every resample. */
function resample(heads: readonly Evaluation[], rows: number, metric: MetricName): Float64Array[] {
  const count = resamplesFor(rows);
  const stream = random(0, 'bootstrap');
  const values = heads.map(() => new Float64Array(count));
  const measures = heads.map((head) => resampled(head, metric));
  const drawn = new Int32Array(rows);
  for (let index = 0; index < count; index++) {
    for (let row = 0; row < rows; row++) drawn[row] = stream.integer(rows);
    for (const [head, measure] of measures.entries()) values[head][index] = measure(drawn) ?? Number.NaN;
  }
  return values;
}

/** Means over rows are resampled as means; all other metrics are computed anew. */
function resampled(head: Evaluation, metric: MetricName): (rows: Int32Array) => number | null {
  const { classes } = head;
  if (metric === 'accuracy' || metric === 'subsetAccuracy' || metric === 'loss') {
    const each = Float64Array.from({ length: head.rows }, (_, row) => {
      const one = pick(head, Int32Array.of(row));
      return evaluate(one, [metric])[metric] ?? Number.NaN;
    });
    return (rows) => {
      let sum = 0;
      for (const row of rows) sum += each[row];
      return sum / rows.length;
    };
  }
  const probabilities = new Float32Array(head.rows * classes);
  const targets = new Uint8Array(head.rows * classes);
  return (rows) => {
    for (const [to, from] of rows.entries()) {
      for (let label = 0; label < classes; label++) {
        probabilities[to * classes + label] = head.probabilities[from * classes + label];
        targets[to * classes + label] = head.targets[from * classes + label];
      }
    }
    return evaluate({ ...head, probabilities, targets }, [metric])[metric] ?? null;
  };
}

function pick(head: Evaluation, rows: Int32Array): Evaluation {
  const { classes, probabilities, targets } = head;
  const [row] = rows;
  return {
    ...head,
    rows: 1,
    probabilities: probabilities.subarray(row * classes, (row + 1) * classes),
    targets: targets.subarray(row * classes, (row + 1) * classes),
  };
}

/** Resamples without a value (no positive was drawn) do not count; too many of them, and there is no interval. */
function middle(values: Float64Array, share = SHARE): Interval | null {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length < values.length / 2) return null;
  const quantile = (place: number) => sorted[Math.round(place * (sorted.length - 1))];
  return { low: quantile((1 - share) / 2), high: quantile((1 + share) / 2) };
}
