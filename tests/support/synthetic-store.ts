/** Feature stores with made-up features, to train on. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { random } from '../../src/shared/random.ts';
import type { Pipeline, Split } from '../../src/shared/store/schema.ts';
import { createStoreWriter } from '../../src/shared/store/writer.ts';
import { newFolder } from './folders.ts';
import { pipeline } from './pipeline.ts';

export interface SyntheticImage {
  /** Its content too: images of the same name are the same image in every store. */
  name: string;
  labels: string[];
  split?: Split;
  weight?: number;
  /** Default: the image itself. */
  view?: number;
  features: number[];
}

/**
 * `each` images of every class, whose features are normal around 2 where the feature's number is the class's and
 * around 0 elsewhere: easy, but not perfectly separable.
 */
export function clusters(
  classes: readonly string[],
  each: number,
  { inputs = 6, seed = 0 }: { inputs?: number; seed?: number } = {},
): SyntheticImage[] {
  const stream = random(seed, 'clusters');
  return Array.from({ length: each * classes.length }, (_, i) => {
    const label = i % classes.length;
    const features = Array.from({ length: inputs }, (_, k) => stream.normal() + (k === label ? 2 : 0));
    return { name: `image-${i}`, labels: [classes[label]], features };
  });
}

/** Images that have each of `classes` or not, independently; a label shows in the feature of its number. */
export function labelled(classes: readonly string[], count: number, seed = 0): SyntheticImage[] {
  const stream = random(seed, 'labelled');
  return Array.from({ length: count }, (_, i) => {
    const labels = classes.filter(() => stream.uniform() < 0.4);
    const features = classes.map((name) => stream.normal() + (labels.includes(name) ? 3 : 0));
    return { name: `image-${i}`, labels, features };
  });
}

/**
 * Writes a store at `data/backbone` below a new folder, with the one column avg.
 * @param augment how its views are made
 */
export async function syntheticStore(
  images: readonly SyntheticImage[],
  changes: Partial<Pipeline> = {},
  augment: string | null = null,
): Promise<string> {
  const dir = join(newFolder(), 'data', changes.backbone ?? 'resnet50');
  const writer = await createStoreWriter(dir, {
    pipeline: { ...pipeline(), poolings: ['avg'], ...changes },
    classes: [...new Set(images.flatMap(({ labels }) => labels))].sort(),
    columns: [{ name: 'avg', dimension: images[0].features.length }],
    images: images.filter(({ view = 0 }) => view === 0).length,
    augment,
  });
  for (const { name, labels, split, weight, view = 0, features } of images) {
    const sha256 = createHash('sha256').update(name).digest('hex');
    const record = {
      path: `${name}.jpg`,
      sha256,
      labels,
      split: split ?? null,
      view,
      group: null,
      weight,
    };
    await writer.append(record, [Float32Array.from(features)]);
  }
  await writer.finish({ failed: 0 });
  return dir;
}
