/** Runs the layers of an exported head as their file describes them, so that what was written can be checked. */
import { InputError, unexpected } from '../shared/errors.ts';
import { asBoolean, asList, asNumber } from '../shared/fields.ts';
import * as build from '../shared/graph/build.ts';
import { BATCH, type Graph, type Value } from '../shared/graph/value.ts';
import { ACTIVATIONS, leakyRelu } from '../shared/head/activations.ts';
import { FEATURES, type ModelLayer } from './head-layers.ts';

/** From `features` to `probabilities`. @throws InputError for a layer that no export writes */
export function interpret(layers: readonly ModelLayer[]): Graph {
  const values = new Map<string, Value>();
  for (const layer of layers) {
    const run = LAYERS[layer.kind];
    if (!run)
      throw new InputError(
        `Expected a layer of an exported head for ${layer.name} but it is a ${layer.kind}`,
      );
    values.set(
      layer.name,
      run(
        layer.inputs.map((name) => values.get(name)!),
        layer,
      ),
    );
  }
  return build.graph({ probabilities: values.get(layers.at(-1)!.name)! });
}

type Run = (inputs: readonly Value[], layer: ModelLayer) => Value;

function activated(x: Value, { config, name }: ModelLayer): Value {
  const found = Object.entries(ACTIVATIONS).find(([known]) => known === config.activation);
  if (!found) throw unexpected('a known activation', name, config.activation);
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

const LAYERS: Readonly<Record<string, Run>> = {
  InputLayer(_, { config }) {
    const shape = asList(config.batch_shape ?? config.batch_input_shape, 'the input shape');
    return build.input(FEATURES, 'float32', [BATCH, Number(shape[1])]);
  },
  Dense([x], layer) {
    const product = build.matmul(x, weight(layer, 'kernel'));
    const hasBias = asBoolean(layer.config.use_bias, `use_bias of ${layer.name}`);
    return activated(hasBias ? build.add(product, weight(layer, 'bias')) : product, layer);
  },
  BatchNormalization([x], layer) {
    const variance = build.add(weight(layer, 'moving_variance'), build.scalar(real(layer, 'epsilon')));
    const scaled = build.div(build.sub(x, weight(layer, 'moving_mean')), build.sqrt(variance));
    return build.add(build.mul(scaled, weight(layer, 'gamma')), weight(layer, 'beta'));
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
  Concatenate: (inputs) => build.concat(inputs, { axis: 1 }),
  Reshape: ([x], layer) => build.reshape(x, [BATCH, ...reals(layer, 'target_shape')]),
  Cropping2D: ([x], layer) => {
    const [[top, bottom]] = asList(layer.config.cropping, `cropping of ${layer.name}`) as number[][];
    return build.slice(x, { axis: 1, start: top, end: x.shape[1] - bottom });
  },
  Dropout: ([x]) => x,
  Activation: ([x], layer) => activated(x, layer),
  LeakyReLU: ([x], layer) => leakyRelu(x, real(layer, 'negative_slope')),
  Multiply: ([a, b]) => build.mul(a, b),
};
