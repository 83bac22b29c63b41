/** What an unfinished sweep is known by: everything that decides its numbers, and nothing else. */
import { expect, it } from 'vitest';
import { silent } from '../../src/shared/reporter.ts';
import { MATHS_VERSION } from '../../src/shared/store/pipeline.ts';
import type { Split } from '../../src/shared/store/schema.ts';
import type { TrainOptions } from '../../src/train/options/train-options.ts';
import { planTraining } from '../../src/train/train.ts';
import { clusters, type SyntheticImage, syntheticStore } from '../support/synthetic-store.ts';

const SPLITS: Split[] = [...Array(12).fill('train'), ...Array(6).fill('val'), ...Array(6).fill('test')];
/** With a split of their own, so that other labels do not draw another. */
const IMAGES = clusters(['a', 'b'], 12).map((image, index) => ({
  ...image,
  split: SPLITS[index],
  weight: 1,
}));

/** Each image and one view of it. */
const VIEWED = IMAGES.flatMap((image) => [image, { ...image, view: 1 }]);

const changed = (index: number, changes: Partial<SyntheticImage>): SyntheticImage[] =>
  IMAGES.with(index, { ...IMAGES[index], ...changes } as (typeof IMAGES)[number]);

type Sweep = Partial<TrainOptions>;

/** The fingerprint under which a sweep looks for its record; nothing is trained. */
async function fingerprintOf(images: readonly SyntheticImage[], options: Sweep = {}): Promise<string> {
  return fingerprintOn(await syntheticStore(images), options);
}

async function fingerprintOn(store: string, options: Sweep = {}): Promise<string> {
  const sweep: TrainOptions = {
    source: { features: [store], pooling: [] },
    task: 'auto',
    head: {},
    split: [70, 15, 15],
    engine: 'onnxruntime',
    workers: 1,
    ...options,
  };
  const plan = await planTraining(sweep, { signal: new AbortController().signal, reporter: silent });
  return plan.fingerprint;
}

it.each<[string, Promise<string>]>([
  ['is read again', fingerprintOf(IMAGES)],
  ['is trained by more workers', fingerprintOf(IMAGES, { workers: 2 })],
  ['spells out a default', fingerprintOf(IMAGES, { head: { hidden: [] } })],
])('a sweep that %s is the same', async (_, fingerprint) => {
  expect(await fingerprint).toBe(await fingerprintOf(IMAGES));
});

/** What was changed, by fingerprint: no two sweeps of the table below share one. */
const seen = new Map<string, string>();

const unsplit = IMAGES.map(({ split, ...image }) => image);

it.each<[string, Promise<string>]>([
  ["an image's label", fingerprintOf(changed(3, { labels: ['a'] }))],
  ["an image's split", fingerprintOf(changed(18, { split: 'val' }))],
  ["an image's sample weight", fingerprintOf(changed(3, { weight: 2 }))],
  ['sample weights at all', fingerprintOf(IMAGES.map(({ weight, ...image }) => image))],
  ["an image's content", fingerprintOf(changed(3, { name: 'another' }))],
  ['the order of the images', fingerprintOf([IMAGES[1], IMAGES[0], ...IMAGES.slice(2)])],
  [
    'how the features were made',
    syntheticStore(IMAGES, { maths: MATHS_VERSION + 1 }).then((store) => fingerprintOn(store)),
  ],
  ['views', syntheticStore(VIEWED, {}, 'flip;seed=0').then((store) => fingerprintOn(store))],
  [
    'how the views were made',
    syntheticStore(VIEWED, {}, 'flip;seed=1').then((store) => fingerprintOn(store)),
  ],
  ["a head's option", fingerprintOf(IMAGES, { head: { lr: 0.5 } })],
  ['the seed', fingerprintOf(IMAGES, { head: { seed: 1 } })],
  ['the number of seeds', fingerprintOf(IMAGES, { seeds: 2 })],
  ['the grid', fingerprintOf(IMAGES, { grid: [{ lr: [0.1, 0.2] }] })],
  ['the task', fingerprintOf(IMAGES, { task: 'multilabel' })],
  ['halving', fingerprintOf(IMAGES, { grid: [{ lr: [0.1, 0.2] }], halving: 2 })],
  ['the memory, where features are read in blocks', fingerprintOf(IMAGES, { maxMemory: 100 })],
  ['other blocks', fingerprintOf(IMAGES, { maxMemory: 200 })],
  ['a split that is drawn', fingerprintOf(unsplit)],
  ['the shares of the split', fingerprintOf(unsplit, { split: [50, 25, 25] })],
  ['folds', fingerprintOf(unsplit, { folds: 2 })],
  ['the number of folds', fingerprintOf(unsplit, { folds: 3 })],
])('a sweep is another by %s', async (change, fingerprint) => {
  const found = await fingerprint;
  expect(found).not.toBe(await fingerprintOf(IMAGES));
  expect(seen.get(found)).toBeUndefined();
  seen.set(found, change);
});
