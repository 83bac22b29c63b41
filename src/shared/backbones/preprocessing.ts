/** How pixels become a backbone's input: part of its graph, so that a wrong preprocessing cannot be asked for. */
import { add, cast, constant, conv2d, mul, scalar } from '../graph/build.ts';
import type { Value } from '../graph/value.ts';

export interface Preprocessing {
  /** As shown in tables. */
  readonly formula: string;
  /** From uint8 RGB pixels, NHWC, to float32. */
  apply(pixels: Value): Value;
}

/** Modes `caffe` and `tf` are those of keras/src/applications/imagenet_utils.py, with its constants. */
export const PREPROCESSING = {
  caffe: {
    formula: 'BGR, minus (103.939, 116.779, 123.68)',
    apply: (pixels) => swapToBgr(cast(pixels, 'float32'), [103.939, 116.779, 123.68]),
  },
  tf: {
    formula: 'x / 127.5 - 1',
    apply: (pixels) => scaleShift(pixels, 1 / 127.5, -1),
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

/** A 1x1 convolution that reverses the channels (exact: each sum has one term that is not zero) and subtracts the means. */
function swapToBgr(rgb: Value, meansBgr: readonly [number, number, number]): Value {
  const reversal = constant(new Float32Array([0, 0, 1, 0, 1, 0, 1, 0, 0]), [1, 1, 3, 3], 'rgb to bgr');
  const bias = constant(new Float32Array(meansBgr.map((mean) => -mean)), [3], 'means');
  return conv2d(rgb, reversal, bias, { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] });
}
