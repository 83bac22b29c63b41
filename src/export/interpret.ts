/** Runs the layers of an export as their file describes them, so that what was written can be checked. */
import { type Pair, spatialPadding } from '../shared/backbones/layers/padding.ts';
import { InputError, unexpected } from '../shared/errors.ts';
import { asBoolean, asList, asNumber } from '../shared/fields.ts';
import { leakyRelu, softsign } from '../shared/graph/activations.ts';
import * as build from '../shared/graph/build.ts';
import { BATCH, type Graph, type SpatialPadding, type Value } from '../shared/graph/value.ts';
import { HEAD_ACTIVATIONS } from '../shared/head/activations.ts';
import type { Size } from '../shared/images/resize.ts';
import type { ModelLayer } from './head-layers.ts';

/**
 * From the input, by its name, to `probabilities`.
 * @param photo size of the photos that a model of photos will be given
 * @throws InputError for a layer that no export writes
 */
export function interpret(layers: readonly ModelLayer[], photo?: Size): Graph {
  const values = new Map<string, Value>();
  for (const layer of layers) {
    const run = LAYERS[layer.kind];
    if (!run)
      throw new InputError(`Expected a layer that is exported for ${layer.name} but it is a ${layer.kind}`);
    values.set(
      layer.name,
      run(
        layer.inputs.map((name) => values.get(name)!),
        layer,
        photo,
      ),
    );
  }
  return build.graph({ probabilities: values.get(layers.at(-1)!.name)! });
}

type Run = (inputs: readonly Value[], layer: ModelLayer, photo: Size | undefined) => Value;

function activated(x: Value, { config, name }: ModelLayer): Value {
  const found = Object.entries({ ...HEAD_ACTIVATIONS, softsign }).find(
    ([activation]) => activation === config.activation,
  );
  if (!found) throw unexpected('an activation of permafrost', name, config.activation);
  return found[1](x);
}

const real = (layer: ModelLayer, field: string): number =>
  asNumber(layer.config[field], `${field} of ${layer.name}`);
const reals = (layer: ModelLayer, field: string): Float32Array =>
  Float32Array.from(asList(layer.config[field], `${field} of ${layer.name}`), Number);

function weight({ weights, name }: ModelLayer, of: string): Value {
  const found = weights.find(([own]) => own === of);
  if (!found) throw new InputError(`Expected an array ${of} of ${name} but found none`);
  return build.constant(found[1].data, found[1].shape);
}

const pairOf = (layer: ModelLayer, field: string): Pair => {
  const [rows, columns] = reals(layer, field);
  return [rows, columns];
};
const pairsOf = (layer: ModelLayer, field: string): number[][] =>
  asList(layer.config[field], `${field} of ${layer.name}`) as number[][];

/** How a window moves over an image. */
function slid(x: Value, window: Pair, layer: ModelLayer) {
  const strides = pairOf(layer, 'strides');
  const padding = layer.config.padding === 'same' ? 'same' : 'valid';
  return { strides, padding: spatialPadding(x.shape, window, strides, padding) };
}

const convolution =
  (build2d: typeof build.conv2d): Run =>
  ([x], layer) => {
    const bias = layer.config.use_bias === true ? weight(layer, 'bias') : undefined;
    const moved = slid(x, pairOf(layer, 'kernel_size'), layer);
    return build2d(x, weight(layer, 'kernel'), bias, { ...moved, dilations: [1, 1] });
  };

const pooling =
  (pool: typeof build.maxPool): Run =>
  ([x], layer) => {
    const window = pairOf(layer, 'pool_size');
    return pool(x, { window, ...slid(x, window, layer) });
  };

const globally =
  (reduce: typeof build.reduceMean): Run =>
  ([x], layer) =>
    reduce(x, { axes: [1, 2], keepDims: asBoolean(layer.config.keepdims, `keepdims of ${layer.name}`) });

const LAYERS: Readonly<Record<string, Run>> = {
  InputLayer(_, { config, name }, photo) {
    const shape = asList(config.batch_shape ?? config.batch_input_shape, 'the input shape');
    if (!photo) return build.input(name, 'float32', [BATCH, Number(shape[1])]);
    return build.cast(build.input(name, 'uint8', [BATCH, photo.height, photo.width, 3]), 'float32');
  },
  /** Photos have the wanted size already, or are of one colour, which no resizing changes. */
  Resizing([x], layer) {
    const shape = [BATCH, real(layer, 'height'), real(layer, 'width'), 3];
    if (x.shape[1] === shape[1] && x.shape[2] === shape[2]) return x;
    return build.broadcastTo(build.reduceMax(x, { axes: [1, 2], keepDims: true }), shape);
  },
  Conv2D: convolution(build.conv2d),
  DepthwiseConv2D: convolution(build.depthwiseConv2d),
  MaxPooling2D: pooling(build.maxPool),
  AveragePooling2D: pooling(build.avgPool),
  GlobalAveragePooling2D: globally(build.reduceMean),
  GlobalMaxPooling2D: globally(build.reduceMax),
  ZeroPadding2D([x], layer) {
    const [top, bottom, left, right] = pairsOf(layer, 'padding').flat();
    const zeros: SpatialPadding = [top, bottom, left, right];
    return build.pad(x, zeros);
  },
  Add: ([a, b]) => build.add(a, b),
  Subtract: ([a, b]) => build.sub(a, b),
  ReLU([x], layer) {
    const maxValue = layer.config.max_value;
    return maxValue === null ? build.relu(x) : build.clip(x, { min: 0, max: real(layer, 'max_value') });
  },
  Erf: ([x]) => build.erf(x),
  Exp: ([x]) => build.exp(x),
  Log: ([x]) => build.log(x),
  Sqrt: ([x]) => build.sqrt(x),
  /** In half precision it rounds to 11 bits, which Veltkamp's splitting does too. */
  Identity([x], { config }) {
    if (config.dtype !== 'float16') return x;
    const wide = build.mul(x, build.scalar(2 ** 13 + 1));
    return build.sub(wide, build.sub(wide, x));
  },
  Dense([x], layer) {
    const product = build.matmul(x, weight(layer, 'kernel'));
    const hasBias = asBoolean(layer.config.use_bias, `use_bias of ${layer.name}`);
    return activated(hasBias ? build.add(product, weight(layer, 'bias')) : product, layer);
  },
  BatchNormalization([x], layer) {
    const variance = build.add(weight(layer, 'moving_variance'), build.scalar(real(layer, 'epsilon')));
    const scaled = build.div(build.sub(x, weight(layer, 'moving_mean')), build.sqrt(variance));
    const hasScale = layer.config.scale !== false;
    return build.add(hasScale ? build.mul(scaled, weight(layer, 'gamma')) : scaled, weight(layer, 'beta'));
  },
  Normalization([x], layer) {
    const row = (data: Float32Array): Value => build.constant(data, [data.length]);
    return build.div(build.sub(x, row(reals(layer, 'mean'))), build.sqrt(row(reals(layer, 'variance'))));
  },
  UnitNormalization([x]) {
    const squares = build.reduceSum(build.mul(x, x), { axes: [1], keepDims: true });
    // Keras's smallest square of a norm.
    return build.div(x, build.sqrt(build.clip(squares, { min: 1e-12, max: Number.MAX_VALUE })));
  },
  LayerNormalization: ([x], layer) =>
    build.layerNorm(x, weight(layer, 'gamma'), weight(layer, 'beta'), { epsilon: real(layer, 'epsilon') }),
  Rescaling: ([x], layer) =>
    build.add(build.mul(x, build.scalar(real(layer, 'scale'))), build.scalar(real(layer, 'offset'))),
  Concatenate: (inputs) => build.concat(inputs, { axis: inputs[0].shape.length - 1 }),
  Reshape: ([x], layer) => build.reshape(x, [BATCH, ...reals(layer, 'target_shape')]),
  Cropping2D: ([x], layer) => {
    return pairsOf(layer, 'cropping').reduce((rest, [before, after], index) => {
      const end = rest.shape[index + 1] - after;
      return before + after === 0 ? rest : build.slice(rest, { axis: index + 1, start: before, end });
    }, x);
  },
  Dropout: ([x]) => x,
  Activation: ([x], layer) => activated(x, layer),
  LeakyReLU: ([x], layer) => leakyRelu(x, real(layer, 'negative_slope')),
  Multiply: ([a, b]) => build.mul(a, b),
};
