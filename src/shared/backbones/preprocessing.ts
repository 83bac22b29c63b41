/** How pixels become a backbone's input: part of its graph, so that a wrong preprocessing cannot be chosen. */
import { add, cast, constant, conv2d, mul, scalar } from '../graph/build.ts';
import type { Value } from '../graph/value.ts';

export type Triple = readonly [number, number, number];

/** Of each colour: the colour that it is made of (0 to 2), what that is multiplied by, and what is added. */
export interface Affine {
  readonly order: Triple;
  readonly scale: Triple;
  readonly shift: Triple;
}

const RGB: Triple = [0, 1, 2];
const ONES: Triple = [1, 1, 1];

export const IDENTITY: Affine = { order: RGB, scale: ONES, shift: [0, 0, 0] };

export interface Preprocessing {
  /** As shown in tables. */
  readonly formula: string;
  /** The same as numbers. */
  readonly affine: Affine;
  /** From uint8 RGB pixels, NHWC, to float32. */
  apply(pixels: Value): Value;
}

/** Modes `caffe`, `tf` and `torch` are those of keras/src/applications/imagenet_utils.py, with its constants. */
export const PREPROCESSING = {
  caffe: {
    formula: 'BGR, minus (103.939, 116.779, 123.68)',
    affine: { order: [2, 1, 0], scale: ONES, shift: [-103.939, -116.779, -123.68] },
    apply: (pixels) => swapToBgr(cast(pixels, 'float32'), [103.939, 116.779, 123.68]),
  },
  tf: {
    formula: 'x / 127.5 - 1',
    affine: affine(1 / 127.5, -1),
    apply: (pixels) => scaleShift(pixels, 1 / 127.5, -1),
  },
  torch: {
    formula: '(x / 255 - mean) / std of ImageNet',
    affine: standardization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    apply: (pixels) => standardize(pixels, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
  },
  /** Inside Keras's EfficientNetV2 S to L. */
  'x/128-1': {
    formula: 'x / 128 - 1',
    affine: affine(1 / 128, -1),
    apply: (pixels) => scaleShift(pixels, 1 / 128, -1),
  },
  /** Inside Keras's EfficientNet; with the published weights it comes to the same as `torch`. */
  efficientnet: {
    formula: 'x / 255, mean and variance of the weights file',
    affine: affine(1 / 255, 0),
    apply: (pixels) => mul(cast(pixels, 'float32'), scalar(1 / 255)),
  },
  /** MEAN_RGB and STDDEV_RGB of tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder.py. */
  'efficientnet-lite': {
    formula: '(x - 127) / 128',
    affine: affine(1 / 128, -127 / 128),
    apply: (pixels) => scaleShift(pixels, 1 / 128, -127 / 128),
  },
} as const satisfies Record<string, Preprocessing>;

export type PreprocessingName = keyof typeof PREPROCESSING;

/** The same for each colour. */
function affine(scale: number, shift: number): Affine {
  return { order: RGB, scale: [scale, scale, scale], shift: [shift, shift, shift] };
}

function standardization(mean: Triple, deviation: Triple): Affine {
  return {
    order: RGB,
    scale: triple((c) => 1 / (255 * deviation[c])),
    shift: triple((c) => -mean[c] / deviation[c]),
  };
}

function triple(of: (colour: number) => number): Triple {
  return [of(0), of(1), of(2)];
}

/** Both, one after the other, as one. */
export function affineThen(first: Affine, second: Affine): Affine {
  return {
    order: triple((c) => first.order[second.order[c]]),
    scale: triple((c) => first.scale[second.order[c]] * second.scale[c]),
    shift: triple((c) => first.shift[second.order[c]] * second.scale[c] + second.shift[c]),
  };
}

/** Whether two give the same for every pixel, up to a millionth of the range that they spread pixels over. */
export function sameAffine(a: Affine, b: Affine): boolean {
  return [0, 1, 2].every((c) => {
    const tolerance = 1e-6 * (255 * Math.abs(a.scale[c]) + Math.abs(a.shift[c]));
    const scales = 255 * Math.abs(a.scale[c] - b.scale[c]);
    return a.order[c] === b.order[c] && scales <= tolerance && Math.abs(a.shift[c] - b.shift[c]) <= tolerance;
  });
}

/** From uint8 RGB pixels, NHWC, to float32. */
export function applyAffine(pixels: Value, { order, scale, shift }: Affine): Value {
  const kernel = new Float32Array(9);
  order.forEach((from, to) => {
    kernel[from * 3 + to] = scale[to];
  });
  return conv2d(
    cast(pixels, 'float32'),
    constant(kernel, [1, 1, 3, 3], 'colours'),
    constant(new Float32Array(shift), [3], 'shift'),
    { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] },
  );
}

/** As shown where a file brings its own: `BGR, x * (1, 1, 1) + (-103.9, -116.8, -123.7)`. */
export function affineFormula({ order, scale, shift }: Affine): string {
  const numbers = (values: Triple): string =>
    `(${values.map((value) => Number(value.toPrecision(7))).join(', ')})`;
  return `${order.map((from) => 'RGB'[from]).join('')}, x * ${numbers(scale)} + ${numbers(shift)}`;
}

function scaleShift(pixels: Value, scale: number, shift: number): Value {
  return add(mul(cast(pixels, 'float32'), scalar(scale)), scalar(shift));
}

/** (x / 255 - mean) / deviation, in RGB order, as float32 NHWC of uint8 pixels. */
export function standardize(
  pixels: Value,
  mean: readonly [number, number, number],
  deviation: readonly [number, number, number],
): Value {
  const scale = constant(new Float32Array(deviation.map((std) => 1 / (255 * std))), [3]);
  const shift = constant(new Float32Array(mean.map((value, i) => -value / deviation[i])), [3]);
  return add(mul(cast(pixels, 'float32'), scale), shift);
}

/** A 1x1 convolution that reverses the channels (exact: each sum has one term that is not zero) and subtracts the means. */
function swapToBgr(rgb: Value, meansBgr: readonly [number, number, number]): Value {
  const reversal = constant(new Float32Array([0, 0, 1, 0, 1, 0, 1, 0, 0]), [1, 1, 3, 3], 'rgb to bgr');
  const bias = constant(new Float32Array(meansBgr.map((mean) => -mean)), [3], 'means');
  return conv2d(rgb, reversal, bias, { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] });
}
