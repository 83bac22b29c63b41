/** A backbone's graph as Keras layers: one row for each operation that backbones are made of. */
import { spatialPadding } from '../shared/backbones/layers/padding.ts';
import { usage } from '../shared/errors.ts';
import { countUsers } from '../shared/graph/fold.ts';
import {
  elementCount,
  type Graph,
  type OperationName,
  sameShape,
  type Value,
} from '../shared/graph/value.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';
import type { ModelLayer } from './head-layers.ts';

/** Layers of one model, under names that are used once. */
export interface LayerList {
  layers: readonly ModelLayer[];
  /** Adds a frozen layer. @param wished its name, unless another has it @returns its name */
  add(layer: Omit<ModelLayer, 'name'>, wished: string): string;
}

/** @param taken names that other layers of the model have */
export function createLayerList(taken: Iterable<string>): LayerList {
  const used = new Set(taken);
  const layers: ModelLayer[] = [];
  return {
    layers,
    add(layer, wished) {
      let name = wished;
      for (let count = 1; used.has(name); count++) name = `${wished}_${count}`;
      used.add(name);
      layers.push({ ...layer, name, config: { ...layer.config, trainable: false } });
      return name;
    },
  };
}

/** What the row of an operation works with. */
interface Emission {
  /** The layer that gives a value. */
  from(value: Value): string;
  /** Adds a layer fed by `inputs`. */
  add(
    kind: string,
    inputs: readonly string[],
    config?: ModelLayer['config'],
    weights?: ModelLayer['weights'],
  ): string;
}

type Row<O extends OperationName> = (value: Value<O>, emission: Emission) => string;

const CHANNELS_LAST = { data_format: 'channels_last' };
/** A clip whose upper bound is at least this has none. */
const UNBOUNDED = 3e38;

/**
 * Adds the layers that compute a graph.
 * @param pixels the layer that gives the pixels, 0 to 255
 * @returns the layers of the graph's outputs, in order
 * @throws UsageError for a graph that Keras's layers cannot express
 */
export function addGraphLayers(list: LayerList, graph: Graph, pixels: string, prefix = ''): string[] {
  const users = countUsers(graph);
  const chain = (value: Value): boolean => affineStep(value) !== undefined && users.get(value) === 1;
  const inner = new Set(graph.values.flatMap((value) => affineStep(value)?.x ?? []).filter(chain));
  const names = new Map<Value, string>();
  const from = (value: Value): string => {
    const name = names.get(value);
    if (name === undefined) throw new Error(`No layer gives a value of the operation ${value.op}`);
    return name;
  };
  for (const value of graph.values) {
    if (value.op === 'constant' || inner.has(value)) continue;
    if (value.op === 'input') {
      names.set(value, pixels);
      continue;
    }
    const weightName = value.inputs.find(({ name, op }) => op === 'constant' && name?.includes('/'))?.name;
    const emission: Emission = {
      from,
      add(kind, inputs, config = {}, weights = []) {
        const wished = weightName?.slice(0, weightName.lastIndexOf('/')) ?? kind.toLowerCase();
        return list.add({ kind, config, inputs, weights }, `${prefix}${wished}`);
      },
    };
    names.set(value, emitted(value, inner, emission));
  }
  return [...graph.outputs.values()].map(from);
}

function emitted(value: Value, inner: ReadonlySet<Value>, emission: Emission): string {
  if (affineStep(value)) return addAffine(value, inner, emission);
  const row = ROWS[value.op] as Row<OperationName> | undefined;
  if (!row) throw usage('a backbone whose operations Keras has as layers', '--full', value.op);
  return row(value, emission);
}

/** One number for each channel, or one for all. */
type Numbers = readonly number[];

/** A sum, difference, product or quotient with a constant for each channel. */
function affineStep({ op, inputs, shape }: Value): { x: Value; by: Numbers } | undefined {
  if (op !== 'add' && op !== 'sub' && op !== 'mul' && op !== 'div') return undefined;
  const index = inputs.findIndex((input) => input.op === 'constant');
  if (index < 0 || (index === 0 && (op === 'sub' || op === 'div'))) return undefined;
  const constant = inputs[index] as Value<'constant'>;
  const count = elementCount(constant.shape);
  if (count !== 1 && (count !== constant.shape.at(-1) || count !== shape.at(-1))) return undefined;
  return { x: inputs[1 - index], by: [...constant.attributes.data] };
}

function combined(a: Numbers, b: Numbers, combine: (a: number, b: number) => number): Numbers {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => combine(a[i % a.length], b[i % b.length]));
}

/** A chain of such steps as one layer: x * scale + shift. */
function addAffine(last: Value, inner: ReadonlySet<Value>, { from, add }: Emission): string {
  const steps: { op: OperationName; by: Numbers }[] = [];
  let x = last;
  for (let step = affineStep(x); step && (x === last || inner.has(x)); step = affineStep(x)) {
    steps.unshift({ op: x.op, by: step.by });
    x = step.x;
  }
  let scale: Numbers = [1];
  let shift: Numbers = [0];
  for (const { op, by } of steps) {
    if (op === 'add') shift = combined(shift, by, (a, b) => a + b);
    else if (op === 'sub') shift = combined(shift, by, (a, b) => a - b);
    else {
      const times = (a: number, b: number) => (op === 'mul' ? a * b : a / b);
      scale = combined(scale, by, times);
      shift = combined(shift, by, times);
    }
  }
  if (scale.length === 1 && shift.length === 1)
    return add('Rescaling', [from(x)], { scale: scale[0], offset: shift[0] });
  const channels = x.shape.at(-1)!;
  const vector = (numbers: Numbers): Tensor => ({
    shape: [channels],
    data: Float32Array.from({ length: channels }, (_, i) => numbers[i % numbers.length]),
  });
  // With mean 0, variance 1 and no epsilon, which keeps the numbers among the weights.
  return add('BatchNormalization', [from(x)], { axis: -1, epsilon: 0, momentum: 0.99 }, [
    ['gamma', vector(scale)],
    ['beta', vector(shift)],
    ['moving_mean', vector([0])],
    ['moving_variance', vector([1])],
  ]);
}

function tensor(value: Value): Tensor {
  const { attributes, shape } = value as Value<'constant'>;
  return { shape: [...shape], data: attributes.data };
}

const unary =
  (kind: string): Row<OperationName> =>
  ({ inputs: [x] }, { from, add }) =>
    add(kind, [from(x)]);

const activation =
  (name: string): Row<OperationName> =>
  ({ inputs: [x] }, { from, add }) =>
    add('Activation', [from(x)], { activation: name });

const merge =
  (kind: string): Row<OperationName> =>
  ({ inputs }, { from, add }) =>
    add(kind, inputs.map(from));

/** Keras's name for the zeros around an image, behind a layer that adds them where it has none. */
function padded(
  image: Value,
  window: readonly [number, number],
  { strides, padding }: { strides: readonly [number, number]; padding: readonly number[] },
  { from, add }: Emission,
): { input: string; padding: 'same' | 'valid' } {
  if (padding.every((zeros) => zeros === 0)) return { input: from(image), padding: 'valid' };
  if (sameShape(padding, spatialPadding(image.shape, window, strides, 'same')))
    return { input: from(image), padding: 'same' };
  const [top, bottom, left, right] = padding;
  const zeros = [
    [top, bottom],
    [left, right],
  ];
  return {
    input: add('ZeroPadding2D', [from(image)], { padding: zeros, ...CHANNELS_LAST }),
    padding: 'valid',
  };
}

function convolution<O extends 'conv2d' | 'depthwiseConv2d'>(
  kind: string,
  own: (kernel: Value) => ModelLayer['config'],
): Row<O> {
  return (value, emission) => {
    const [image, kernel, bias] = value.inputs;
    const { strides, dilations } = value.attributes;
    const [rows, columns] = kernel.shape;
    const { input, padding } = padded(image, [rows, columns], value.attributes, emission);
    const weights = [['kernel', tensor(kernel)] as const, ...(bias ? [['bias', tensor(bias)] as const] : [])];
    const window = { kernel_size: [rows, columns], strides, padding, dilation_rate: dilations };
    const config = { ...own(kernel), ...window, use_bias: bias !== undefined, ...CHANNELS_LAST };
    return emission.add(kind, [input], config, weights);
  };
}

function pooling<O extends 'maxPool' | 'avgPool'>(kind: string): Row<O> {
  return ({ op, inputs: [image], attributes }, emission) => {
    const { window, strides } = attributes;
    const { input, padding } = padded(image, window, attributes, emission);
    // Keras counts the zeros of a layer before, which must change nothing.
    if (input !== emission.from(image) && (op === 'avgPool' || !isNeverNegative(image)))
      throw usage('a backbone whose pooling is padded as Keras does', '--full', kind);
    return emission.add(kind, [input], { pool_size: window, strides, padding, ...CHANNELS_LAST });
  };
}

function isNeverNegative({ op, attributes }: Value): boolean {
  if (op === 'clip') return (attributes as Value<'clip'>['attributes']).min >= 0;
  return op === 'relu' || op === 'sigmoid';
}

function reduction<O extends 'reduceMean' | 'reduceMax'>(kind: string): Row<O> {
  return ({ inputs: [x], attributes: { axes, keepDims } }, { from, add }) => {
    if (x.shape.length !== 4 || !sameShape(axes, [1, 2]))
      throw usage('a backbone that folds height and width only', '--full', kind);
    return add(kind, [from(x)], { keepdims: keepDims, ...CHANNELS_LAST });
  };
}

const ROWS: { readonly [O in OperationName]?: Row<O> } = {
  // Pixels are fed as float32.
  cast: ({ inputs: [x] }, { from }) => from(x),
  conv2d: convolution('Conv2D', ({ shape }) => ({ filters: shape[3] })),
  depthwiseConv2d: convolution('DepthwiseConv2D', () => ({ depth_multiplier: 1 })),
  maxPool: pooling('MaxPooling2D'),
  avgPool: pooling('AveragePooling2D'),
  reduceMean: reduction('GlobalAveragePooling2D'),
  reduceMax: reduction('GlobalMaxPooling2D'),
  relu: activation('relu'),
  sigmoid: activation('sigmoid'),
  tanh: activation('tanh'),
  softplus: activation('softplus'),
  softmax: activation('softmax'),
  erf: unary('Erf'),
  exp: unary('Exp'),
  log: unary('Log'),
  sqrt: unary('Sqrt'),
  add: merge('Add'),
  sub: merge('Subtract'),
  mul: merge('Multiply'),
  concat: ({ inputs, attributes: { axis } }, { from, add }) => add('Concatenate', inputs.map(from), { axis }),
  clip({ inputs: [x], attributes: { min, max } }, { from, add }) {
    const shifted = min === 0 ? from(x) : add('Rescaling', [from(x)], { scale: 1, offset: -min });
    const range = { max_value: max > UNBOUNDED ? null : max - min, negative_slope: 0, threshold: 0 };
    const cut = add('ReLU', [shifted], range);
    return min === 0 ? cut : add('Rescaling', [cut], { scale: 1, offset: min });
  },
  layerNorm({ inputs: [x, gamma, beta], attributes: { epsilon } }, { from, add }) {
    const config = { axis: -1, epsilon, center: true, scale: true };
    return add('LayerNormalization', [from(x)], config, [
      ['gamma', tensor(gamma)],
      ['beta', tensor(beta)],
    ]);
  },
  pad({ inputs: [x], attributes: { padding } }, { from, add }) {
    const [top, bottom, left, right] = padding;
    const zeros = [
      [top, bottom],
      [left, right],
    ];
    return add('ZeroPadding2D', [from(x)], { padding: zeros, ...CHANNELS_LAST });
  },
  slice({ inputs: [x], attributes: { axis, start, end } }, { from, add }) {
    const cut = [start, x.shape[axis] - end];
    if (x.shape.length !== 4 || (axis !== 1 && axis !== 2))
      throw usage('a backbone that cuts rows and columns only', '--full', 'slice');
    const cropping = axis === 1 ? [cut, [0, 0]] : [[0, 0], cut];
    return add('Cropping2D', [from(x)], { cropping, ...CHANNELS_LAST });
  },
  reshape: ({ inputs: [x], attributes: { shape } }, { from, add }) =>
    add('Reshape', [from(x)], { target_shape: shape.slice(1) }),
};
