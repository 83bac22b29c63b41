/** The bookkeeping of a network under construction: layers by name, what they are fed by, which weights they have. */
import { constant } from '../../graph/build.ts';
import { type Shape, shapeText, type Value } from '../../graph/value.ts';
import type { LayerWeights, WeightName, WeightSource } from '../../weights/source.ts';
import { kerasOrder, type LayerNode } from '../keras-order.ts';

/** How a network that is trained differs from the published one; by default in nothing. */
export interface NetworkChanges {
  /** Whether a layer's weights stay values of their own, which training changes. */
  readonly isTrained?: (layer: string) => boolean;
  /** Whether batch-norms of trained layers normalise with mean and variance of the batch. */
  readonly batchStatistics?: boolean;
  /** Batch-norms that the published network does not have, called `<convolution>_bn`. */
  readonly insertedBatchNorm?: {
    /** Whether one is put behind a convolution that has none before its activation. */
    readonly isBehind: (convolution: string) => boolean;
    readonly source: WeightSource;
  };
}

/** The name of the batch-norm that is inserted behind a convolution. */
export const insertedName = (convolution: string): string => `${convolution}_bn`;

/** Mean and variance of a batch, as a batch-norm took them. */
export interface BatchMoments {
  readonly mean: Value;
  readonly variance: Value;
}

/** A layer that is being added: its weights are read in Keras's order, then its output is given. */
export interface StartedLayer {
  readonly name: string;
  /** Whether its weights stay values of their own, which training changes. */
  readonly isTrained: boolean;
  /** A weight's numbers. */
  numbers(weight: WeightName, shape: Shape): Float32Array;
  /** A weight as a value of the graph, in `as` instead of Keras's shape if the two lay numbers out alike. */
  value(weight: WeightName, shape: Shape, as?: Shape): Value;
  /** A weight that files hold and the network does not need. */
  unused(weight: WeightName, shape: Shape): void;
  /** Ends the layer; returns its output. */
  give(inputs: readonly Value[], output: Value): Value;
}

export interface Network {
  readonly changes: NetworkChanges;
  /** Starts a layer of a Keras class (in snake_case); without a name it is numbered as Keras does: `conv2d`, `conv2d_1` ... */
  start(kind: string, name?: string): StartedLayer;
  /** Starts the batch-norm that is inserted behind a convolution, trained if that is. */
  startInserted(convolution: StartedLayer): StartedLayer;
  /** Gives the output of a layer the name of another, which it followed in one layer of the published network. */
  rename(layer: string, output: Value): void;
  /** Of each batch-norm that normalises with those of the batch. */
  readonly moments: Map<string, BatchMoments>;
  /** The output of every layer so far, by name. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The layers that `output` is computed from, in the order in which Keras lists and saves them. */
  layersOf(output: Value): LayerNode[];
  /** Those with weights. */
  weightLayers(output: Value): LayerWeights[];
}

export function createNetwork(source: WeightSource, changes: NetworkChanges = {}): Network {
  const { isTrained = () => false, insertedBatchNorm } = changes;
  const outputs = new Map<string, Value>();
  const nodes = new Map<Value, LayerNode>();
  const counts = new Map<string, number>();

  const automaticName = (kind: string): string => {
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    return count === 0 ? kind : `${kind}_${count}`;
  };

  const layersOf = (output: Value): LayerNode[] => {
    const node = nodes.get(output);
    if (!node) throw new Error(`No layer made this value of shape ${shapeText(output.shape)}`);
    return kerasOrder(node);
  };

  const started = (kind: string, name: string, read: WeightSource, trained: boolean): StartedLayer => {
    if (outputs.has(name)) throw new Error(`Two layers are called ${name}`);
    const weights: { name: WeightName; shape: Shape }[] = [];
    const numbers = (weight: WeightName, shape: Shape): Float32Array => {
      weights.push({ name: weight, shape });
      return read(name, weight, shape);
    };
    return {
      name,
      isTrained: trained,
      numbers,
      value: (weight, shape, as = shape) => constant(numbers(weight, shape), as, `${name}/${weight}`),
      unused: (weight, shape) => void weights.push({ name: weight, shape }),
      give(inputs, output) {
        outputs.set(name, output);
        const from = inputs.flatMap((value) => nodes.get(value) ?? []);
        nodes.set(output, { layer: name, kind, inputs: from, weights });
        return output;
      },
    };
  };

  return {
    changes,
    moments: new Map(),
    start: (kind, name = automaticName(kind)) => started(kind, name, source, isTrained(name)),
    startInserted({ name, isTrained: trained }) {
      if (!insertedBatchNorm) throw new Error(`No batch-norm was to be inserted behind ${name}`);
      return started('batch_normalization', insertedName(name), insertedBatchNorm.source, trained);
    },
    rename: (layer, output) => void outputs.set(layer, output),
    outputs,
    layersOf,
    weightLayers: (output) =>
      layersOf(output)
        .filter(({ weights }) => weights.length > 0)
        .map(({ layer, kind, weights }) => ({ layer, kind, weights })),
  };
}
