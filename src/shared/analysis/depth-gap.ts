/** How much more a linear probe tells from all depths of a backbone than from its last layer: how far the images are from what it was trained on. */
import type { MetricName } from '../head/config.ts';
import type { Evaluation } from '../metrics/counts.ts';
import { evaluate } from '../metrics/evaluate.ts';
import { differenceInterval, type Interval } from './bootstrap.ts';

export interface DepthGap {
  backbone: string;
  /** Images that the probes predict without having seen them. */
  images: number;
  metric: MetricName;
  last: number;
  depths: number;
  /** Of the difference, where that is {@link CLEAR_GAP} or more. */
  interval: Interval | null;
}

/** Difference from which images are far from those that the backbone was trained on. */
export const CLEAR_GAP = 0.03;

/**
 * Compares what two probes predict for the same images.
 * @param metric that both have a value of
 */
export function depthGap(
  backbone: string,
  { last, depths }: { last: Evaluation; depths: Evaluation },
  metric: MetricName,
): DepthGap | undefined {
  const [before, after] = [last, depths].map((probe) => evaluate(probe, [metric])[metric]);
  if (typeof before !== 'number' || typeof after !== 'number') return undefined;
  const interval = after - before < CLEAR_GAP ? null : differenceInterval(depths, last, metric);
  return { backbone, images: last.rows, metric, last: before, depths: after, interval };
}
