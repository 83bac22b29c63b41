/** When a fine-tuning is worth more than the head that it began with. */
import { differenceInterval } from '../../shared/analysis/bootstrap.ts';
import type { MetricName } from '../../shared/head/config.ts';
import { compareMetric } from '../../shared/metrics/compare.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import { evaluate } from '../../shared/metrics/evaluate.ts';

/** One standard error to either side: what is not better by more counts as equal (Breiman et al. 1984). */
const ONE_STANDARD_ERROR = 0.683;

/** Whether `tuned` is better than `start` on the same images, by more than one standard error of the difference. */
export function isClearlyBetter(tuned: Evaluation, start: Evaluation, metric: MetricName): boolean {
  const [own, before] = [tuned, start].map((one) => evaluate(one, [metric])[metric]);
  if (compareMetric(metric, own, before) >= 0) return false;
  const difference = differenceInterval(tuned, start, metric, ONE_STANDARD_ERROR);
  return difference !== null && (difference.low > 0 || difference.high < 0);
}
