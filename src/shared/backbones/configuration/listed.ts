/** How pixels are prepared for a network out of a file without a configuration: what its list of layers and its numbers tell. */
import { InputError } from '../../errors.ts';
import type { SavedLayer } from '../../weights/match-layers.ts';
import type { WeightSource } from '../../weights/source.ts';
import type { BackboneDefinition } from '../backbone.ts';
import {
  missingPreprocessing,
  type Preparation,
  publishedPreparation,
  uncorrectedPreparation,
} from './prepare.ts';

export interface ListedRequest {
  definition: BackboneDefinition;
  path: string;
  /** What the file lists; none for a format that has names of arrays only. */
  layers: readonly SavedLayer[];
  source: WeightSource;
  note(message: string): void;
}

/** Layers that change pixels in front of a network, by how their names begin. */
const FRONT =
  /^(rescaling|normalization|lambda|resizing|center_crop|tf\.math\.(?:truediv|subtract)|tf\.nn\.bias_add|tf\.__operators__\.getitem)(?:_\d+)?$/;

/** @throws InputError where the file leaves open how pixels are prepared */
export function prepareListed(request: ListedRequest): Preparation {
  const { definition, path, layers, note } = request;
  const inside = definition.inside ?? { rescaling: 0, normalization: 0 };
  // Those of Inception-ResNet are called block35_1, not lambda.
  const front = layers.filter((layer) => FRONT.test(nameOf(layer)));
  const count = (kind: string): number => front.filter((layer) => nameOf(layer).startsWith(kind)).length;
  const corrections = definition.normalize ? count('tf.math.truediv') : 0;
  const rescaling = count('rescaling') + corrections;
  const normalization = count('normalization');
  const isOther = front.length > rescaling + normalization;
  if (definition.normalize && normalization === 1 && !isOther && rescaling === 2) {
    // The second one is the correction, unless it is one of the user's in front of a network without it.
    if (hasNumbers(request.source, PUBLISHED)) return publishedPreparation(definition);
    throw unsettled(definition, path, front);
  }
  if (!isOther && normalization === inside.normalization && rescaling === inside.rescaling)
    return definition.normalize ? uncorrectedPreparation(definition) : publishedPreparation(definition);
  if (front.length > Number(definition.normalize !== undefined && normalization === 1))
    throw unsettled(definition, path, front);
  if (definition.normalize) return prepareByNumbers(request);
  note(
    isPartial(layers)
      ? `${path} does not say whether it was built with ${definition.name}'s own preprocessing; pixels are prepared as published`
      : missingPreprocessing(definition, path),
  );
  return publishedPreparation(definition);
}

/** The class and number of `.weights.h5`, else the name. */
function nameOf({ container, key, name }: SavedLayer): string {
  return container.startsWith('layers') ? key : name;
}

/** Whether layers without weights are not listed where the network is. */
function isPartial(layers: readonly SavedLayer[]): boolean {
  const sizes = new Map<string, number>();
  for (const { container } of layers) sizes.set(container, (sizes.get(container) ?? 0) + 1);
  const [largest] = [...sizes].sort(([, a], [, b]) => b - a)[0] ?? [''];
  return layers.every(({ container, weights }) => container !== largest || weights.length > 0);
}

function unsettled({ name }: BackboneDefinition, path: string, front: readonly SavedLayer[]): InputError {
  const names = front.map((layer) => nameOf(layer)).join(', ');
  return new InputError(
    `Expected the settings of the layers in front of ${name} (${names}) but ${path} has weights only: save the whole model, as model.save('x.keras') does`,
  );
}

/** IMAGENET_MEAN_RGB and what the published files hold for a variance. */
const PUBLISHED = { mean: [0.485, 0.456, 0.406], variance: [0.229, 0.224, 0.225] };
const UNTRAINED = { mean: [0, 0, 0], variance: [1, 1, 1] };

/**
 * EfficientNet by the numbers of its Normalization: those it begins with without published weights, or the published ones.
 * @throws InputError for any others
 */
export function prepareByNumbers({
  definition,
  path,
  source,
  note,
}: Omit<ListedRequest, 'layers'>): Preparation {
  if (hasNumbers(source, UNTRAINED)) return uncorrectedPreparation(definition);
  if (!hasNumbers(source, PUBLISHED)) {
    const mean = source('normalization', 'mean', [3]);
    throw new InputError(
      `Expected a file that says whether ${definition.name} was built with weights='imagenet', which corrects its normalization, ` +
        `but ${path} has weights only, with means ${[...mean].join(', ')} of its own: save the whole model, as model.save('x.keras') does`,
    );
  }
  note(
    `${path} does not say whether ${definition.name} was built with weights='imagenet', which corrects its normalization; its means are the published ones, so that is assumed`,
  );
  return publishedPreparation(definition);
}

function hasNumbers(source: WeightSource, { mean, variance }: typeof PUBLISHED): boolean {
  const found = [...source('normalization', 'mean', [3]), ...source('normalization', 'variance', [3])];
  return [...mean, ...variance].every((value, index) => Math.abs(value - found[index]) < 1e-4);
}
