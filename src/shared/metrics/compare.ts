/** Which of two values of a metric is better. */
import type { MetricName } from '../head/config.ts';

/** Sorts better values first; undefined ones (null, NaN) last. */
export function compareMetric(
  metric: MetricName,
  a: number | null | undefined,
  b: number | null | undefined,
): number {
  const isDefined = (value: number | null | undefined) => typeof value === 'number' && !Number.isNaN(value);
  if (!isDefined(a) || !isDefined(b)) return Number(isDefined(b)) - Number(isDefined(a));
  const difference = Number(a) - Number(b);
  return metric === 'loss' ? difference : -difference;
}
