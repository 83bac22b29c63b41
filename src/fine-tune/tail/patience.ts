/** How long a training that does not improve goes on. */
import type { MetricName } from '../../shared/head/config.ts';
import { compareMetric } from '../../shared/metrics/compare.ts';

type MetricValue = number | null | undefined;

/**
 * Epochs that count against the patience of early stopping. A head that has fitted its features well often becomes worse for some
 * epochs once these begin to change. So its first epochs do not count while each is worse than the one before it, for as long as
 * the patience; and from there on an epoch counts as better if it is the best since.
 * @param start the value that training began with, then that of each epoch
 * @param patience epochs that the first drop may last
 */
export function epochsWaited(
  metric: MetricName,
  [start, ...values]: readonly MetricValue[],
  patience: number,
): number {
  const isWorse = (value: MetricValue, than: MetricValue) => compareMetric(metric, value, than) > 0;
  let dropped = 0;
  while (dropped < Math.min(patience, values.length) && isWorse(values[dropped], [start, ...values][dropped]))
    dropped++;
  let best: MetricValue = values[dropped];
  let waited = 0;
  for (const value of values.slice(dropped + 1)) {
    const isBetter = isWorse(best, value);
    if (isBetter) best = value;
    waited = isBetter ? 0 : waited + 1;
  }
  return waited;
}
