/** What a backbone is: a network up to its last feature map, its input and where its weights are found. */

import type { Value } from '../graph/value.ts';
import type { Size } from '../images/resize.ts';
import type { PublishedWeights } from '../weights/published.ts';
import type { KerasListing } from './keras-listing.ts';
import type { Layers } from './layers.ts';
import type { PreprocessingName, Triple } from './preprocessing.ts';

/** ImageNet weights that come with the package (a file of models/), or published ones. */
export type ImagenetWeights = { readonly shipped: string } | PublishedWeights;

/** Where Keras keeps most of its files. */
export const KERAS_FILES = 'https://storage.googleapis.com/tensorflow/keras-applications';

interface Normalize {
  /** What Keras multiplies by behind it in networks that began with published weights. */
  readonly correction: Triple;
  apply(image: Value, layers: Layers, options: { corrected: boolean }): Value;
}

export interface BackboneDefinition {
  /** As given to --backbone. */
  readonly name: string;
  /** As Keras spells it; understood too. */
  readonly kerasName: string;
  /** Width and height that the weights were trained for. */
  readonly size: number;
  /** Smallest width and height. */
  readonly minimumSize: number;
  readonly preprocessing: PreprocessingName;
  /** Layers before the last whose features are stored beside its own: ends of stages, the shallowest first. */
  readonly depths: readonly string[];
  /** How much of its old moving statistics each batch-norm keeps at a training step; default: Keras's 0.99. */
  readonly batchNormMomentum?: number;
  /** The weights for images of a size: some networks have several. */
  imagenet(size: Size): ImagenetWeights;
  /** The layers of preprocessing that Keras builds into the network, where it does, with include_preprocessing. */
  readonly inside?: { readonly rescaling: number; readonly normalization: number };
  /** What comes before `build`: a normalization whose mean and variance are weights. */
  readonly normalize?: Normalize;
  /** From the preprocessed image to the last feature map, NHWC. */
  build(image: Value, layers: Layers): Value;
  /** What Keras puts behind the pooling (before Flatten) of a network without its top, if anything. */
  afterPooling?(channels: number, layers: Layers): (pooled: Value) => Value;
  /** How Keras's list of its layers differs from the ones that `build` makes; default: by the input layer. */
  readonly listing?: KerasListing;
  /** What the first Keras files of this network called a layer, where they differ. */
  olderLayerName?(layer: string): string;
}

/** Which of the sizes that square images have weights of their own for, as Keras chooses: the image's, else 224. */
export function publishedSize({ width, height }: Size, sizes: readonly number[]): number {
  return width === height && sizes.includes(width) ? width : 224;
}
