/** The head as a graph: for one head, or for a stack of heads that see the same batches. */
import * as build from '../graph/build.ts';
import { BATCH, type Shape, type Value } from '../graph/value.ts';
import { HEAD_ACTIVATIONS } from './activations.ts';
import type { Activation, Output } from './config.ts';
import type { HeadLayer } from './layers.ts';

/** Keras BatchNormalization's default. */
export const EPSILON = 1e-3;
/** And its default momentum of moving statistics. */
export const MOVING_MOMENTUM = 0.99;

export interface ForwardOptions {
  layers: readonly HeadLayer[];
  /** Features, [batch, inputs]. */
  features: Value;
  /**
   * Heads of a stack that trains: kernels lie [units, inputs] and activations [lanes, units, batch], so that no product has to
   * copy a kernel or turn anything. Without it, one finished head with kernels as they are stored, [inputs, units].
   */
  lanes?: number;
  /**
   * Of a stack of one head: whether any number of threads gives the same numbers. onnxruntime's threads share out the larger side
   * of a product, and sums are cut by how many columns a thread has, so that the larger side becomes the rows.
   */
  anyThreads?: boolean;
  /** The value of a parameter of the given shape (an input while training, a constant in a finished head). */
  parameter(name: string, shape: Shape): Value;
  /** The multipliers of a dropout layer (0 or 1 / (1 - rate)), see {@link maskShape}; without it, the head predicts. */
  mask?(name: string, shape: Shape): Value;
}

export interface Forward {
  /** [batch, classes], of a stack [batch, lanes, classes]. */
  logits: Value;
  /** While training: the mean and variance of the batch at each batch-norm, [lanes, units], for its moving statistics. */
  statistics: Map<string, { mean: Value; variance: Value }>;
}

/**
 * Shape of a parameter in a stack: the heads' one after the other. Those of a dense layer that reads the shared features are one
 * matrix, [lanes * units, inputs], so that one wide product serves all heads; all others are [lanes, ...shape].
 */
export function stackedShape(shape: Shape, lanes: number, wide: boolean): Shape {
  return wide ? shape.with(0, lanes * shape[0]) : [lanes, ...shape];
}

/** Layers without parameters leave features the same for all heads of a stack. */
const SHARED: readonly HeadLayer['kind'][] = ['dropout', 'activation'];

/** The first layer whose output differs from head to head. */
const firstOwn = (layers: readonly HeadLayer[]): number =>
  layers.findIndex(({ kind }) => !SHARED.includes(kind));

/** The dense layer that reads the shared features, if no layer before it has parameters of its own. */
export function wideLayer(layers: readonly HeadLayer[]): string | undefined {
  const first = layers[firstOwn(layers)];
  return first.kind === 'dense' ? first.name : undefined;
}

/** Shape of a dropout layer's multipliers in a stack: its input's, with one lane for all. */
export function maskShape(
  layers: readonly HeadLayer[],
  layer: Extract<HeadLayer, { kind: 'dropout' }>,
  batch: number,
): Shape {
  return layers.indexOf(layer) < firstOwn(layers) ? [batch, layer.units] : [1, layer.units, batch];
}

export function headForward(options: ForwardOptions): Forward {
  const { layers, features, lanes, anyThreads = false, parameter, mask } = options;
  const statistics: Forward['statistics'] = new Map();
  const layout =
    lanes === undefined
      ? stored(parameter)
      : stacked(parameter, lanes, { wide: wideLayer(layers), anyThreads });
  let x = features;
  for (const layer of layers) {
    switch (layer.kind) {
      case 'dense': {
        const { name, inputs, units } = layer;
        const isLast = layer === layers.at(-1);
        x = layout.product(x, name, inputs, units);
        if (isLast) x = layout.logits(x);
        const bias = () => (isLast ? layout.perClass : layout.perUnit)(`${name}/bias`, units);
        if (layer.bias) x = build.add(x, bias());
        break;
      }
      case 'bn': {
        const { name, units } = layer;
        x = layout.own(x);
        const parameters = (kind: string) => layout.perUnit(`${name}/${kind}`, units);
        const isTraining = mask !== undefined && lanes !== undefined;
        const moments = isTraining
          ? batchMoments(x)
          : { mean: parameters('moving_mean'), variance: parameters('moving_variance') };
        if (isTraining) {
          // Those of shared features are the same for all lanes.
          const each = (moment: Value) =>
            build.broadcastTo(build.reshape(moment, [x.shape[0], units]), [lanes, units]);
          statistics.set(name, { mean: each(moments.mean), variance: each(moments.variance) });
        }
        const deviation = build.sqrt(build.add(moments.variance, build.scalar(EPSILON)));
        const scale = build.div(parameters('gamma'), deviation);
        x = build.add(build.mul(build.sub(x, moments.mean), scale), parameters('beta'));
        break;
      }
      case 'dropout':
        if (mask) x = build.mul(x, mask(layer.name, maskShape(layers, layer, features.shape[0])));
        break;
      case 'se': {
        const { name, units, reduced } = layer;
        x = layout.own(x);
        const squeezed = build.relu(layout.product(x, `${name}/squeeze`, units, reduced));
        x = build.mul(x, build.sigmoid(layout.product(squeezed, `${name}/excite`, reduced, units)));
        break;
      }
      case 'activation':
        x = activated(x, layer.activation);
        break;
    }
  }
  return { logits: x, statistics };
}

/** How kernels and activations lie in memory. */
interface Layout {
  /** Activations of which each head has its own, out of features that heads may have shared so far. */
  own(x: Value): Value;
  product(x: Value, layer: string, inputs: number, units: number): Value;
  /** A parameter with one number a unit, to go with activations. */
  perUnit(name: string, units: number): Value;
  /** The last product's result, row by row. */
  logits(x: Value): Value;
  /** A parameter with one number a class, to go with logits. */
  perClass(name: string, classes: number): Value;
}

/** One head: kernels [inputs, units], activations [batch, units]. */
function stored(parameter: ForwardOptions['parameter']): Layout {
  const perUnit = (name: string, units: number) => parameter(name, [units]);
  return {
    own: (x) => x,
    product: (x, layer, inputs, units) => build.matmul(x, parameter(`${layer}/kernel`, [inputs, units])),
    perUnit,
    logits: (x) => x,
    perClass: perUnit,
  };
}

/**
 * Heads of a stack: kernels [lanes, units, inputs], activations [lanes, units, batch]. As the left factor a kernel is not copied for
 * every batch, and a head's sums are cut the same way beside any other.
 *
 * Logits are turned before their bias is added: onnxruntime sums along the batch by vectors whose cuts depend on where numbers lie
 * in memory, which differs from lane to lane unless units are a multiple of 4, as classes need not be.
 */
function stacked(
  parameter: ForwardOptions['parameter'],
  lanes: number,
  { wide, anyThreads }: { wide: string | undefined; anyThreads: boolean },
): Layout {
  const own = (x: Value) =>
    x.shape.length === 2 ? build.reshape(build.transpose(x, [1, 0]), [1, x.shape[1], x.shape[0]]) : x;
  return {
    own,
    product(x, layer, inputs, units) {
      const kernel = parameter(`${layer}/kernel`, stackedShape([units, inputs], lanes, layer === wide));
      const batch = x.shape.length === 2 ? x.shape[0] : x.shape[2];
      if (anyThreads && units < batch) {
        const rows = x.shape.length === 2 ? x : build.transpose(x, [0, 2, 1]);
        const turned = build.matmul(rows, kernel, { transposeA: false, transposeB: true });
        return build.transpose(build.reshape(turned, [1, batch, units]), [0, 2, 1]);
      }
      if (layer !== wide) return build.matmul(kernel, own(x));
      const columns = build.matmul(kernel, x, { transposeA: false, transposeB: true });
      return build.reshape(columns, [lanes, units, x.shape[0]]);
    },
    perUnit: (name, units) => build.reshape(parameter(name, [lanes, units]), [lanes, units, 1]),
    logits: (x) => build.transpose(x, [2, 0, 1]),
    perClass: (name, classes) => parameter(name, [lanes, classes]),
  };
}

/** Softmax alone looks at more than one unit: along the last axis, which of a stack's activations is the batch. */
function activated(x: Value, activation: Activation): Value {
  const turned = x.shape.length === 3 && activation === 'softmax';
  const turn = (value: Value) => (turned ? build.transpose(value, [0, 2, 1]) : value);
  return turn(HEAD_ACTIVATIONS[activation](turn(x)));
}

/** Mean and (biased) variance over the batch, as Keras normalises with and as it feeds its moving statistics. */
function batchMoments(x: Value): { mean: Value; variance: Value } {
  const overBatch = { axes: [2], keepDims: true };
  const mean = build.reduceMean(x, overBatch);
  const centred = build.sub(x, mean);
  return { mean, variance: build.reduceMean(build.mul(centred, centred), overBatch) };
}

/** Class probabilities from logits. */
export function probabilities(logits: Value, output: Output): Value {
  return output === 'softmax' ? build.softmax(logits) : build.sigmoid(logits);
}

/** The features input of a head with an open batch. */
export function featuresInput(inputs: number, batch: number = BATCH): Value {
  return build.input('features', 'float32', [batch, inputs]);
}
