/** The arrays of a stack in a worker's memory: parameters with their gradients and optimiser state, batches and results. */
import { elementCount, type Shape } from '../../shared/graph/value.ts';
import { type HeadLayer, type HeadParameter, headParameters } from '../../shared/head/layers.ts';
import type { Allocate, Arena, ArenaArray } from '../../shared/training/arena.ts';
import type { OptimizedTensor } from '../../shared/training/optimizers.ts';
import { createFactored, type FactoredGradient, type FactoredSizes } from './factored.ts';
import { meanKey, parameterShape, type StackShape, varianceKey } from './training-graph.ts';

/** Rows per call when predicting: enough to keep the matrix product busy, small enough for the cache. */
export const PREDICTION_ROWS = 256;

/** One parameter of all heads. */
export interface StackTensor extends OptimizedTensor {
  spec: HeadParameter;
  /** One lane's part of it. */
  shape: Shape;
  /** Whether its gradient is left in its factors; `gradient` has the errors then. */
  isFactored: boolean;
}

export interface StackArrays {
  tensors: StackTensor[];
  factored: FactoredGradient | undefined;
  masks: { layer: Extract<HeadLayer, { kind: 'dropout' }>; array: ArenaArray }[];
  /** [rows, inputs], and [rows, classes] twice. */
  batch: Record<'features' | 'targets' | 'weights', ArenaArray>;
  /** [lanes] */
  loss: ArenaArray;
  /** The batch's statistics in every batch-norm, by the names of the training graph. */
  statistics: ReadonlyMap<string, ArenaArray>;
  /** Some rows' features, and their probabilities [rows, lanes, classes]. */
  prediction: Record<'features' | 'probabilities', ArenaArray>;
}

/** @param allocate see {@link layOut} */
export function stackArrays(
  arena: Arena,
  allocate: Allocate,
  shape: StackShape,
  batchSize: number,
): StackArrays {
  const { layers, lanes, inputs, classes } = shape;
  const specs = headParameters(layers);
  const sizes = factoredSizes(shape, specs, batchSize);
  const factored = sizes && createFactored(arena, allocate, sizes);
  return {
    factored,
    tensors: specs.map((spec) => tensorOf(spec, shape, factored, allocate)),
    masks: layers
      .filter((layer) => layer.kind === 'dropout')
      .map((layer) => ({ layer, array: allocate(batchSize * layer.units) })),
    batch: {
      features: allocate(batchSize * inputs),
      targets: allocate(batchSize * classes),
      weights: allocate(batchSize * classes),
    },
    loss: allocate(lanes),
    statistics: new Map(
      layers
        .filter((layer) => layer.kind === 'bn')
        .flatMap(({ name, units }) => [
          [meanKey(name), allocate(lanes * units)],
          [varianceKey(name), allocate(lanes * units)],
        ]),
    ),
    prediction: {
      features: allocate(PREDICTION_ROWS * inputs),
      probabilities: allocate(PREDICTION_ROWS * lanes * classes),
    },
  };
}

function tensorOf(
  spec: HeadParameter,
  shape: StackShape,
  factored: FactoredGradient | undefined,
  allocate: Allocate,
): StackTensor {
  const length = shape.lanes * elementCount(spec.shape);
  const isFactored = factored !== undefined && spec.name === shape.factored;
  return {
    spec,
    shape: parameterShape(spec, { ...shape, lanes: 1 }),
    isFactored,
    parameter: allocate(length),
    gradient: isFactored ? factored.errors : allocate(length),
    state: [allocate(length), allocate(length)],
  };
}

/** Of the gradient that is left in its factors, if one is. */
function factoredSizes(
  { factored, lanes, inputs }: StackShape,
  specs: readonly HeadParameter[],
  batchSize: number,
): FactoredSizes | undefined {
  // As it is stored, a kernel is [inputs, units].
  const units = specs.find(({ name }) => name === factored)?.shape[1];
  return units === undefined ? undefined : { lanes, units, inputs, batchSize };
}
