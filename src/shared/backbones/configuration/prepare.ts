/** How pixels are prepared for a network out of a file: as published, or as the file says. */
import { InputError, usage } from '../../errors.ts';
import type { Size } from '../../images/resize.ts';
import type { BackboneDefinition } from '../backbone.ts';
import {
  type Affine,
  affineFormula,
  affineThen,
  IDENTITY,
  PREPROCESSING,
  sameAffine,
  type Triple,
} from '../preprocessing.ts';
import { composed, type Front, normalizing } from './front.ts';

export interface Preparation {
  /** As recorded with features. */
  readonly name: string;
  /** In place of the backbone's preprocessing and its own normalization. */
  readonly affine?: Affine;
  /** Whether EfficientNet's published normalization is corrected, as networks that begin with published weights do. */
  readonly corrected: boolean;
}

/** The preparation as published. */
export function publishedPreparation({ preprocessing }: BackboneDefinition): Preparation {
  return { name: preprocessing, corrected: true };
}

/** EfficientNet as Keras builds it without published weights. */
export function uncorrectedPreparation({ preprocessing }: BackboneDefinition): Preparation {
  return { name: `${preprocessing} without the correction of published weights`, corrected: false };
}

type Normalization = { mean: Triple; variance: Triple };

export interface FrontRequest {
  definition: BackboneDefinition;
  size: Size;
  path: string;
  front: Front;
  /** The saved mean and variance of a layer. */
  normalization(path: readonly string[]): Normalization;
  note(message: string): void;
}

/** @throws InputError or UsageError where a layer in front of the network cannot be taken along */
export function prepareFront(request: FrontRequest): Preparation {
  const { definition, path, front, size, note } = request;
  if (front.problem) {
    throw new InputError(
      `Expected layers that scale and shift pixels in front of ${definition.name} in ${path} but found ${front.problem}: ` +
        'put Rescaling or Normalization in its place, or save the network behind it alone, as model.get_layer(NAME).save(...) does',
    );
  }
  const { resized } = front;
  if (resized && (resized.size.width !== size.width || resized.size.height !== size.height)) {
    const text = `${resized.size.width}x${resized.size.height}`;
    throw usage(
      `${text}, to which the layer ${resized.layer} of ${path} resizes images,`,
      '--size',
      `${size.width}x${size.height}`,
    );
  }
  if (front.steps.length === 0) return withoutFront(request);
  const published = definition.inside ? IDENTITY : PREPROCESSING[definition.preprocessing].affine;
  const affine = composed(front, published, request.normalization);
  for (const step of front.steps)
    if (step.kind === 'published')
      note(
        `${step.layer} in ${path} is taken for the preprocess_input of ${definition.kerasName}'s own family: the file does not say whose it is`,
      );
  const equal = publishedEqual(request, affine);
  if (equal) return equal;
  const formula = affineFormula(affine);
  note(
    `${path} prepares pixels in its own way (${formula}), not as ${definition.name} was published; features follow the file`,
  );
  return { name: formula, affine, corrected: false };
}

/** No layer in front: pixels were prepared outside of the model, or the network was built without its own preprocessing. */
function withoutFront({ definition, path, note }: FrontRequest): Preparation {
  if (!definition.inside) return publishedPreparation(definition);
  const { affine, formula } = PREPROCESSING[definition.normalize ? 'torch' : definition.preprocessing];
  note(missingPreprocessing(definition, path, formula));
  return definition.normalize
    ? { name: formula, affine, corrected: false }
    : publishedPreparation(definition);
}

/** The note for a network that was built with include_preprocessing=False. */
export function missingPreprocessing(
  { name, preprocessing }: BackboneDefinition,
  path: string,
  formula = PREPROCESSING[preprocessing].formula,
): string {
  return `${path} was built without ${name}'s preprocessing (include_preprocessing=False): pixels are prepared as published, ${formula}`;
}

/** The preparation that is the same as a front. */
function publishedEqual(
  { definition, front, normalization }: FrontRequest,
  affine: Affine,
): Preparation | undefined {
  const start = PREPROCESSING[definition.preprocessing].affine;
  if (!definition.normalize) return sameAffine(affine, start) ? publishedPreparation(definition) : undefined;
  const saved = front.steps.find((step) => step.kind === 'normalization');
  if (!saved) return undefined;
  const { mean, variance } = normalization(saved.path);
  const plain = affineThen(start, normalizing(mean, variance));
  if (sameAffine(affine, plain)) return uncorrectedPreparation(definition);
  const { correction } = definition.normalize;
  const corrected = affineThen(plain, { ...IDENTITY, scale: correction });
  return sameAffine(affine, corrected) ? publishedPreparation(definition) : undefined;
}
