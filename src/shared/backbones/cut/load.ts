/** A backbone with its weights, cut in two. */

import { usage } from '../../errors.ts';
import { graph } from '../../graph/build.ts';
import { blankSource, hashedSource } from '../../weights/source.ts';
import type { BackboneDefinition } from '../backbone.ts';
import type { NetworkChanges } from '../layers/network.ts';
import { freshBatchNorm } from '../layers/normalizations.ts';
import {
  type BackboneOptions,
  type BackboneShape,
  build,
  describeBackbone,
  type LoadedBackbone,
} from '../load.ts';
import { openWeights, type WeightsRequest } from '../open-weights.ts';
import { type Cut, findCut } from './find.ts';
import { type SplitNetwork, split, type TrainedNetwork } from './split.ts';
import { BATCH_NORM, type TailWeight, tailWeights } from './weights.ts';
import { BATCH_NORM_MODES, type BatchNormMode } from './words.ts';

export interface CutBackbone
  extends SplitNetwork,
    Pick<LoadedBackbone, 'weightsHash' | 'preprocessing' | 'size'> {
  readonly cut: Cut;
  /** Those that the tail takes as inputs, in Keras's order. */
  readonly weights: readonly TailWeight[];
}

type Request = BackboneOptions &
  Pick<WeightsRequest, 'weights' | 'opening' | 'note'> & { from: string; batchNorm: BatchNormMode };

/**
 * Cuts a backbone in front of the layer `from`.
 * @throws as loadBackbone, findCut and split do, and a UsageError for a mode without batch-norms to work on
 */
export async function loadCutBackbone({
  weights,
  opening,
  note,
  from,
  batchNorm,
  ...options
}: Request): Promise<CutBackbone> {
  const network = describeBackbone(options);
  const cut = findCut(network, from);
  const training = trainingNetwork(network, options, cut, batchNorm);
  const { definition, size, layers } = network;
  const isDefaultSize = options.size === undefined;
  const opened = await openWeights({ definition, size, isDefaultSize, weights, layers, opening, note });
  try {
    const { source, hash } = hashedSource(opened.source);
    const changes = changesBehind(cut, batchNorm);
    const built = build(definition, size, source, options.poolings, opened.preparation, changes);
    const parts = split(built, training ?? built, cut);
    return {
      ...parts,
      cut,
      weights: weightsOf(parts, built, definition, batchNorm),
      size,
      weightsHash: hash(),
      preprocessing: opened.preparation.name,
    };
  } finally {
    await opened.close();
  }
}

/**
 * The weights that a cut backbone's tail takes, in Keras's order, without their numbers.
 * @throws as findCut and split do
 */
export function describeTail({
  from,
  batchNorm,
  ...options
}: BackboneOptions & Pick<Request, 'from' | 'batchNorm'>): Omit<TailWeight, 'data'>[] {
  const network = describeBackbone(options);
  const cut = findCut(network, from);
  const { definition, size } = network;
  const changes = changesBehind(cut, batchNorm);
  const built = build(definition, size, blankSource(), options.poolings, undefined, changes);
  return weightsOf(split(built, built, cut), built, definition, batchNorm);
}

function weightsOf(
  { tail }: SplitNetwork,
  { layers, outputs }: ReturnType<typeof build>,
  { batchNormMomentum: momentum = KERAS_MOMENTUM }: BackboneDefinition,
  mode: BatchNormMode,
): TailWeight[] {
  return tailWeights({ tail, layers, values: graph(outputs).values, batchNorm: { mode, momentum } });
}

/** Of Keras's BatchNormalization(). */
const KERAS_MOMENTUM = 0.99;

function changesBehind({ trained }: Cut, batchNorm: BatchNormMode): NetworkChanges {
  const names = new Set(trained.map(({ layer }) => layer));
  const isTrained = (layer: string): boolean => names.has(layer);
  return {
    isTrained,
    insertedBatchNorm: batchNorm === 'insert' ? { isBehind: isTrained, source: freshBatchNorm } : undefined,
  };
}

/** The network with batch statistics, its weights without their numbers; nothing where they are frozen. */
function trainingNetwork(
  { definition, size, layers }: BackboneShape,
  { poolings }: BackboneOptions,
  cut: Cut,
  batchNorm: BatchNormMode,
): TrainedNetwork | undefined {
  if (batchNorm === 'frozen') return undefined;
  const built = (mode: BatchNormMode) => {
    const changes = { ...changesBehind(cut, mode), batchStatistics: true };
    return build(definition, size, blankSource(), poolings, undefined, changes);
  };
  const works: Readonly<Record<BatchNormMode, () => boolean>> = {
    frozen: () => true,
    trainable: () => cut.trained.some(({ kind }) => kind === BATCH_NORM),
    insert: () => built('insert').layers.length > layers.length,
  };
  if (works[batchNorm]()) return built(batchNorm);
  const expected = BATCH_NORM_MODES.filter((mode) => works[mode]()).join(' or ');
  const reasons = {
    trainable: 'has no batch-norm',
    insert: 'has no convolution that its activation follows without a batch-norm',
  };
  throw usage(
    `${expected} with ${definition.name}, which ${reasons[batchNorm]} behind ${cut.layer},`,
    '--batch-norm',
    batchNorm,
  );
}
