/** The object that fine-tune prints with --json. */
import { trainedWeights } from '../shared/backbones/cut/weights.ts';
import { describeBackbone } from '../shared/backbones/load.ts';
import { elementCount, type Shape } from '../shared/graph/value.ts';
import type { Metrics } from '../shared/head/config.ts';
import { headInputs } from '../shared/head/head-tensors.ts';
import { headLayers, headParameters } from '../shared/head/layers.ts';
import { summarise, type TrainSummary } from '../shared/results/summary.ts';
import type { TuningPlan } from './plan.ts';
import type { Tuning } from './review.ts';

export interface FineTuneSummary extends TrainSummary {
  backbone: string;
  /** The first trained layer of the best fine-tuning, also where the start was kept. */
  from: string;
  /** Of backbone and head together, as Keras counts them: moving statistics are not trained. */
  trainedParameters: number;
  frozenParameters: number;
  /** Bytes of the cached activations, of all cuts. */
  cacheBytes: number;
  /** Images of all splits. */
  images: number;
  /** The head that fine-tuning began with, on the same images. */
  start: { val: Metrics; test: Metrics | null };
}

/** @param totalSeconds of the whole command */
export function summariseTuning(
  out: string,
  tuning: Tuning,
  plan: TuningPlan,
  totalSeconds: number,
): FineTuneSummary {
  const { start, best } = tuning;
  const { seconds, ...summary } = summarise(out, tuning, totalSeconds);
  const { configurations, cuts } = plan;
  const configuration = configurations.find(({ id }) => id === best.result.id) ?? configurations[0];
  const { network, from } = cuts.networks[configuration.source];
  const trained = trainedWeights(network.weights, configuration.config.tail!.train);
  const { source, head } = plan.start;
  const { backbone, size } = source.pipeline;
  const { layers } = describeBackbone({ name: backbone, size, poolings: source.columns });
  const inserted = network.weights.filter(({ layer }) => !layers.some((one) => one.layer === layer));
  const ofHead = headParameters(
    headLayers(head.record.config, headInputs(head.record), tuning.classes.length),
  );
  const learned = [...trained, ...ofHead.filter(({ trainable }) => trainable)];
  const all = [...layers.flatMap(({ weights }) => weights), ...inserted, ...ofHead];
  const trainedParameters = numbersOf(learned);
  return {
    ...summary,
    backbone,
    from,
    trainedParameters,
    frozenParameters: numbersOf(all) - trainedParameters,
    cacheBytes: plan.cacheBytes,
    images: tuning.table.rows,
    seconds,
    start: { val: start.val, test: start.test },
  };
}

function numbersOf(tensors: readonly { shape: Shape }[]): number {
  return tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
