/** Where a backbone's weights come from: anything that answers for a layer, a weight and a shape. */
import { createHash } from 'node:crypto';
import { elementCount, type Shape } from '../graph/value.ts';
import type { Tensor } from './safetensors.ts';

/** The names of Keras's weights, in the order in which a layer holds them. */
export type WeightName =
  | 'kernel'
  | 'depthwise_kernel'
  | 'pointwise_kernel'
  | 'bias'
  | 'gamma'
  | 'beta'
  | 'moving_mean'
  | 'moving_variance'
  | 'mean'
  | 'variance'
  | 'count'
  | 'layer_scale';

/** Answers with the array (row-major, as long as the shape asks) or throws an InputError that names the layer. */
export type WeightSource = (layer: string, weight: WeightName, shape: Shape) => Float32Array;

/** A layer that has weights, as Keras would list it. */
export interface LayerWeights {
  readonly layer: string;
  /** Its Keras class in snake_case. */
  readonly kind: string;
  readonly weights: readonly { readonly name: WeightName; readonly shape: Shape }[];
}

/** Zeros for every weight, all views of one buffer: to learn a network's layers and shapes without its weights. */
export function blankSource(): WeightSource {
  let zeros = new Float32Array(0);
  return (_layer, _weight, shape) => {
    const length = elementCount(shape);
    if (zeros.length < length) zeros = new Float32Array(length);
    return zeros.subarray(0, length);
  };
}

/** Numbers of one weight: of the largest network's largest there are 17 million. */
const MAX_BLANK = 2 ** 26;

/**
 * Ones for every weight: unlike zeros, they leave what a layer adds to or divides by to be seen in what is computed. For
 * networks out of a file: a weight larger than any is an Error.
 */
export function blankOnes(): WeightSource {
  let ones = new Float32Array(0);
  return (layer, _weight, shape) => {
    const length = elementCount(shape);
    if (!(length <= MAX_BLANK)) throw new Error(`${layer} has ${length} numbers`);
    if (ones.length < length) ones = new Float32Array(length).fill(1);
    return ones.subarray(0, length);
  };
}

/** A source that passes on another's arrays, and the sha256 of the names, shapes and bytes that went through it. */
export function hashedSource(source: WeightSource): { source: WeightSource; hash: () => string } {
  const digest = createHash('sha256');
  return {
    source(layer, weight, shape) {
      const data = source(layer, weight, shape);
      digest.update(`${layer}/${weight}${JSON.stringify(shape)}`);
      digest.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return data;
    },
    hash: () => digest.digest('hex'),
  };
}

/** A source in which some arrays, by `layer/weight`, take the place of those it has; these are still requested, so that they can be hashed. */
export function replacedSource(source: WeightSource, tensors: ReadonlyMap<string, Tensor>): WeightSource {
  return (layer, weight, shape) => {
    const data = source(layer, weight, shape);
    return tensors.get(`${layer}/${weight}`)?.data ?? data;
  };
}
