/** A head as layers that Keras and TensorFlow.js both have, with the temperature inside the last one's weights. */
import { LEAKY_SLOPE } from '../shared/graph/activations.ts';
import { type Activation, type Normalization, softsignDivisors } from '../shared/head/config.ts';
import { EPSILON } from '../shared/head/forward.ts';
import { headInputs } from '../shared/head/head-tensors.ts';
import { headLayers } from '../shared/head/layers.ts';
import type { Head } from '../shared/head/record.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';

/** Where a model is written for: TensorFlow.js lacks some of Keras's layers. */
export type Dialect = 'keras' | 'tfjs';

/** One layer of a functional model. */
export interface ModelLayer {
  /** Keras's class. */
  kind: string;
  name: string;
  config: Readonly<Record<string, unknown>>;
  /** Names of the layers it is fed by. */
  inputs: readonly string[];
  /** In Keras's order, with Keras's names. */
  weights: readonly (readonly [string, Tensor])[];
}

/** The first layer's name: raw features, as the backbone gives them. */
export const FEATURES = 'features';

/** The layers from features to probabilities, each after those that feed it; the last is the output. */
export function modelLayers({ record, tensors }: Head, dialect: Dialect): ModelLayer[] {
  const { config, classes, temperature = 1 } = record;
  const inputs = headInputs(record);
  const layers: ModelLayer[] = [];
  const add = (
    kind: string,
    name: string,
    own: ModelLayer['config'],
    weights: ModelLayer['weights'] = [],
    from = [layers.at(-1)!.name],
  ): void => void layers.push({ kind, name, config: own, inputs: from, weights });
  const arrays = (layer: string, names: readonly string[]): [string, Tensor][] =>
    names.map((name) => [name, tensors.get(`${layer}/${name}`)!]);

  const shape = [null, inputs];
  layers.push({
    kind: 'InputLayer',
    name: FEATURES,
    config: dialect === 'keras' ? { batch_shape: shape } : { batch_input_shape: shape, sparse: false },
    inputs: [],
    weights: [],
  });
  if (config.normalize !== 'none') NORMALIZE[dialect][config.normalize](add, inputs, tensors);
  let activations = 0;
  for (const layer of headLayers(config, inputs, classes.length)) {
    switch (layer.kind) {
      case 'dense': {
        const { name, units, bias } = layer;
        const weights = arrays(name, bias ? ['kernel', 'bias'] : ['kernel']);
        const isLast = name === 'output';
        const scaled = weights.map(([index, tensor]) => [index, divided(tensor, temperature)] as const);
        const activation = isLast ? config.output : 'linear';
        add('Dense', name, { units, use_bias: bias, activation }, isLast ? scaled : weights);
        break;
      }
      case 'bn': {
        const weights = arrays(layer.name, ['gamma', 'beta', 'moving_mean', 'moving_variance']);
        add('BatchNormalization', layer.name, { axis: -1, epsilon: EPSILON, momentum: 0.99 }, weights);
        break;
      }
      case 'dropout':
        add('Dropout', layer.name, { rate: layer.rate });
        break;
      case 'activation':
        addActivation(add, `activation_${activations++}`, layer.activation);
        break;
      case 'se': {
        const features = layers.at(-1)!.name;
        const gate = { use_bias: false };
        const weights = (array: string) => arrays(`${layer.name}/${array}`, ['kernel']);
        const { reduced, units } = layer;
        add('Dense', 'se_squeeze', { units: reduced, ...gate, activation: 'relu' }, weights('squeeze'));
        add('Dense', 'se_excite', { units, ...gate, activation: 'sigmoid' }, weights('excite'));
        add('Multiply', 'se', {}, [], [features, 'se_excite']);
        break;
      }
    }
  }
  return layers;
}

type Add = (
  kind: string,
  name: string,
  config: ModelLayer['config'],
  weights?: ModelLayer['weights'],
  from?: string[],
) => void;

function addActivation(add: Add, name: string, activation: Activation): void {
  if (activation === 'leaky_relu')
    add('LeakyReLU', name, { alpha: LEAKY_SLOPE, negative_slope: LEAKY_SLOPE });
  else add('Activation', name, { activation });
}

type Normalize = (add: Add, inputs: number, tensors: Head['tensors']) => void;

/** Input normalisation as layers, the last of them `normalize`. */
const NORMALIZE: Readonly<Record<Dialect, Record<Exclude<Normalization, 'none'>, Normalize>>> = {
  keras: {
    standardize(add, _, tensors) {
      addScaling(
        add,
        'normalize',
        tensors.get('normalize/mean')!.data,
        tensors.get('normalize/deviation')!.data,
      );
    },
    l2: (add) => add('UnitNormalization', 'normalize', { axis: -1 }),
    softsign(add, inputs, tensors) {
      addScaling(add, 'scaled', new Float32Array(inputs), softsignDivisorsOf(tensors));
      add('Activation', 'softsign', { activation: 'softsign' });
      add('UnitNormalization', 'normalize', { axis: -1 });
    },
  },
  tfjs: {
    standardize(add, inputs, tensors) {
      const { data } = tensors.get('normalize/deviation')!;
      addMovingScaling(add, 'normalize', inputs, { mean: tensors.get('normalize/mean')!, deviation: data });
    },
    l2: (add, inputs) => addUnitLength(add, inputs, FEATURES),
    softsign(add, inputs, tensors) {
      const deviation = softsignDivisorsOf(tensors);
      addMovingScaling(add, 'scaled', inputs, { mean: filled(inputs, 0), deviation });
      add('Activation', 'softsign', { activation: 'softsign' });
      addUnitLength(add, inputs, 'softsign');
    },
  },
};

function softsignDivisorsOf(tensors: Head['tensors']): Float32Array {
  return softsignDivisors(tensors.get('normalize/deviation')!.data);
}

/** (x - mean) / deviation */
function addScaling(add: Add, name: string, mean: Float32Array, deviation: Float32Array): void {
  const variance = Array.from(deviation, (value) => value ** 2);
  add('Normalization', name, { axis: -1, invert: false, mean: [...mean], variance });
}

/** The same in TensorFlow.js, which has no Normalization. */
function addMovingScaling(
  add: Add,
  name: string,
  inputs: number,
  { mean, deviation }: { mean: Tensor; deviation: Float32Array },
): void {
  add('BatchNormalization', name, { axis: -1, epsilon: 0, momentum: 0.99 }, [
    ['gamma', filled(inputs, 1)],
    ['beta', filled(inputs, 0)],
    ['moving_mean', mean],
    ['moving_variance', { shape: [inputs], data: deviation.map((value) => value ** 2) }],
  ]);
}

/**
 * TensorFlow.js has no layer for it. Features beside their negatives have mean 0 and variance |x|^2 / inputs, which is
 * what LayerNormalization divides by; then the first half is kept.
 */
function addUnitLength(add: Add, inputs: number, from: string): void {
  add('Rescaling', 'negative', { scale: -1, offset: 0 });
  add('Concatenate', 'mirrored', { axis: -1 }, [], [from, 'negative']);
  add('LayerNormalization', 'unit', { axis: -1, epsilon: 1e-24, center: true, scale: true }, [
    ['gamma', filled(2 * inputs, 1 / Math.sqrt(inputs))],
    ['beta', filled(2 * inputs, 0)],
  ]);
  add('Reshape', 'halves', { target_shape: [2, inputs, 1] });
  add('Cropping2D', 'first_half', {
    cropping: [
      [0, 1],
      [0, 0],
    ],
    data_format: 'channels_last',
  });
  add('Reshape', 'normalize', { target_shape: [inputs] });
}

function filled(length: number, value: number): Tensor {
  return { shape: [length], data: new Float32Array(length).fill(value) };
}

function divided({ shape, data }: Tensor, by: number): Tensor {
  return { shape, data: data.map((value) => value / by) };
}
