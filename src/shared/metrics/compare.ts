/** Which of two values of a metric is better. */
import type { MetricName } from '../head/config.ts';

/** Sorts better values first; undefined ones (null, NaN) last. */
export function compareMetric(
  metric: MetricName,
  a: number | null | undefined,
  b: number | null | undefined,
): number {
  const known = (value: number | null | undefined) => typeof value === 'number' && !Number.isNaN(value);
  if (!known(a) || !known(b)) return Number(known(b)) - Number(known(a));
  const difference = Number(a) - Number(b);
  return metric === 'loss' ? difference : -difference;
}
