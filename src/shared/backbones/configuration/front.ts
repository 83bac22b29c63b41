/** What a model does to pixels in front of its network: a scale, a shift and an order of the three colours. */
import type { Fields } from '../../fields.ts';
import type { Size } from '../../images/resize.ts';
import { type Affine, affineThen, IDENTITY, PREPROCESSING, type Triple } from '../preprocessing.ts';

export type FrontStep =
  | { readonly kind: 'affine'; readonly affine: Affine }
  /** A Normalization whose mean and variance are in the file of weights, by its path of layers. */
  | { readonly kind: 'normalization'; readonly path: readonly string[] }
  /** The preprocess_input of the network's own family. */
  | { readonly kind: 'published'; readonly layer: string };

export interface Front {
  readonly steps: readonly FrontStep[];
  /** The first layer that cannot be taken along, and why. */
  readonly problem?: string;
  /** The size that a layer makes images. */
  readonly resized?: { readonly layer: string; readonly size: Size };
}

export const NO_FRONT: Front = { steps: [] };

/** The front with a step more. */
export function withAffine(front: Front, affine: Affine): Front {
  return { ...front, steps: [...front.steps, { kind: 'affine', affine }] };
}

/** One number, or one for each colour, however deep in lists; undefined for anything else. */
export function asTriple(value: unknown): Triple | undefined {
  const numbers = (Array.isArray(value) ? value.flat(8) : [value]).map((entry) =>
    typeof entry === 'number' ? entry : Number.NaN,
  );
  if (!numbers.every(Number.isFinite)) return undefined;
  if (numbers.length === 1) return [numbers[0], numbers[0], numbers[0]];
  return numbers.length === 3 ? [numbers[0], numbers[1], numbers[2]] : undefined;
}

/** What Keras's Normalization does: the least deviation is keras.backend.epsilon(). */
export function normalizing(mean: Triple, variance: Triple): Affine {
  const scale = variance.map((value) => 1 / Math.max(Math.sqrt(value), 1e-7));
  return {
    order: [0, 1, 2],
    scale: [scale[0], scale[1], scale[2]],
    shift: [-mean[0] * scale[0], -mean[1] * scale[1], -mean[2] * scale[2]],
  };
}

/** The whole front as one step. */
export function composed(
  front: Front,
  published: Affine,
  normalization: (path: readonly string[]) => { mean: Triple; variance: Triple },
): Affine {
  return front.steps.reduce((affine: Affine, step) => {
    if (step.kind === 'affine') return affineThen(affine, step.affine);
    if (step.kind === 'published') return affineThen(affine, published);
    const { mean, variance } = normalization(step.path);
    return affineThen(affine, normalizing(mean, variance));
  }, IDENTITY);
}

/** What the preprocess_input of a module of keras.applications does: modes of imagenet_utils. */
const MODULES: ReadonlyMap<string, Affine> = new Map([
  ...['vgg16', 'vgg19', 'resnet', 'resnet50', 'imagenet_utils'].map(
    (name) => [name, PREPROCESSING.caffe.affine] as const,
  ),
  ...[
    'inception_v3',
    'inception_resnet_v2',
    'xception',
    'mobilenet',
    'mobilenet_v2',
    'nasnet',
    'resnet_v2',
  ].map((name) => [name, PREPROCESSING.tf.affine] as const),
  ['densenet', PREPROCESSING.torch.affine],
  ...['efficientnet', 'efficientnet_v2', 'mobilenet_v3', 'convnext'].map((name) => [name, IDENTITY] as const),
]);

/** A Lambda layer in front: only Keras's own preprocess_input is known; code in a file is never run. */
export function lambdaFront(front: Front, settings: Fields, layer: string): Front {
  const { function: saved, module } = settings;
  const name = typeof saved === 'object' && saved !== null && 'config' in saved ? saved.config : saved;
  if (name !== 'preprocess_input')
    return { ...front, problem: `the layer ${layer} (Lambda), whose Python code is not run` };
  const affine = typeof module === 'string' ? MODULES.get(module.split('.').at(-1) ?? '') : undefined;
  return affine
    ? withAffine(front, affine)
    : { ...front, steps: [...front.steps, { kind: 'published', layer }] };
}
