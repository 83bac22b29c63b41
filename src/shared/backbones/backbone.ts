/** What a backbone is: a network up to its last feature map, its input and where its weights are found. */
import type { Value } from '../graph/value.ts';
import type { Layers } from './layers.ts';
import type { PreprocessingName } from './preprocessing.ts';

/** Pixels of an image. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** ImageNet weights that come with the package (a file of models/), or a file that Keras publishes. */
type ImagenetWeights = { readonly shipped: string } | { readonly file: string; readonly address: string };

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
  readonly imagenet: ImagenetWeights;
  /** From the preprocessed image to the last feature map, NHWC. */
  build(image: Value, layers: Layers): Value;
  /** What the first Keras files of this network called a layer, where they differ. */
  olderLayerName?(layer: string): string;
}
