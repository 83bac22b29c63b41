/** How pixels become a backbone's input: part of its graph, so that a wrong preprocessing cannot be asked for. */
import { add, cast, constant, conv2d, mul, scalar } from '../graph/build.ts';
import type { Value } from '../graph/value.ts';

export interface Preprocessing {
  /** As shown in tables. */
  readonly formula: string;
  /** From uint8 RGB pixels, NHWC, to float32. */
  apply(pixels: Value): Value;
}

/** Modes `caffe`, `tf` and `torch` are those of keras/src/applications/imagenet_utils.py, with its constants. */
export const PREPROCESSING = {
  caffe: {
    formula: 'BGR, minus (103.939, 116.779, 123.68)',
    apply: (pixels) => swapToBgr(cast(pixels, 'float32'), [103.939, 116.779, 123.68]),
  },
  tf: {
    formula: 'x / 127.5 - 1',
    apply: (pixels) => scaleShift(pixels, 1 / 127.5, -1),
  },
  torch: {
    formula: '(x / 255 - mean) / std of ImageNet',
    apply: (pixels) => standardize(pixels, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
  },
  /** Inside Keras's EfficientNetV2 S to L. */
  'x/128-1': {
    formula: 'x / 128 - 1',
    apply: (pixels) => scaleShift(pixels, 1 / 128, -1),
  },
  /** Inside Keras's EfficientNet; with the published weights it comes to the same as `torch`. */
  efficientnet: {
    formula: 'x / 255, mean and variance of the weights file',
    apply: (pixels) => mul(cast(pixels, 'float32'), scalar(1 / 255)),
  },
  /** MEAN_RGB and STDDEV_RGB of tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder.py. */
  'efficientnet-lite': {
    formula: '(x - 127) / 128',
    apply: (pixels) => scaleShift(pixels, 1 / 128, -127 / 128),
  },
} as const satisfies Record<string, Preprocessing>;

export type PreprocessingName = keyof typeof PREPROCESSING;

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
