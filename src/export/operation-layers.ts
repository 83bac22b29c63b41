/** The operations that backbones are made of as layers of Keras and TensorFlow.js: one row for each. */
import { spatialPadding } from '../shared/backbones/layers/padding.ts';
import { usage } from '../shared/errors.ts';
import { type OperationName, sameShape, type Value } from '../shared/graph/value.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';
import type { Dialect, ModelLayer } from './head-layers.ts';

/** What the row of an operation works with. */
export interface Emission {
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

type Rows = { readonly [O in OperationName]?: Row<O> };

const KERAS_ROWS: Rows = {
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

const PROGRAM = { keras: 'Keras', tfjs: 'TensorFlow.js' } as const satisfies Record<Dialect, string>;

/** TensorFlow.js folds height and width without keeping them as axes. */
function keptAxes<O extends 'reduceMean' | 'reduceMax'>(kind: string): Row<O> {
  const folded = reduction<O>(kind);
  return (value, emission) => {
    const { attributes, shape } = value;
    if (!attributes.keepDims) return folded(value, emission);
    const flat = folded({ ...value, attributes: { ...attributes, keepDims: false } }, emission);
    return emission.add('Reshape', [flat], { target_shape: shape.slice(1) });
  };
}

/** Where a dialect differs from Keras; what it lacks has no row. */
const OTHER_ROWS: Readonly<Record<Dialect, Rows>> = {
  keras: {},
  tfjs: {
    reduceMean: keptAxes('GlobalAveragePooling2D'),
    reduceMax: keptAxes('GlobalMaxPooling2D'),
    sub({ inputs: [a, b] }, { from, add }) {
      return add('Add', [from(a), add('Rescaling', [from(b)], { scale: -1, offset: 0 })]);
    },
    erf: undefined,
    exp: undefined,
    log: undefined,
    sqrt: undefined,
  },
};

/** @throws UsageError for an operation that the dialect has no layer for */
export function operationLayer(value: Value, dialect: Dialect, emission: Emission): string {
  const row = { ...KERAS_ROWS, ...OTHER_ROWS[dialect] }[value.op] as Row<OperationName> | undefined;
  if (!row)
    throw usage(
      `a backbone whose operations ${PROGRAM[dialect]} has as layers`,
      `--format ${dialect}`,
      value.op,
    );
  return row(value, emission);
}
