/** Heads behind a network whose end was trained, with what the cut network and the head predict for two photos. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../../src/shared/backbones/cut/split.ts';
import { describeBackbone } from '../../src/shared/backbones/load.ts';
import { sideBySide } from '../../src/shared/head/inputs.ts';
import { headGraph } from '../../src/shared/head/predictor.ts';
import { type Head, readHead } from '../../src/shared/head/record.ts';
import type { TailSettings } from '../../src/shared/head/tail-settings.ts';
import type { Size } from '../../src/shared/images/resize.ts';
import { encodeSafetensors } from '../../src/shared/weights/safetensors.ts';
import { seededSource } from '../../src/shared/weights/seeded.ts';
import { runGraph } from './cut-features.ts';
import { type HeadChoices, writeRandomHead } from './random-head.ts';
import { writeSyntheticPhotos } from './synthetic-photo-files.ts';

export interface TailedHead {
  dir: string;
  head: Head;
  size: Size;
  /** RGB of the network's size, [2, height, width, 3]. */
  pixels: Uint8Array;
  /** The same as image files. */
  photos: string[];
  /** Probabilities [2, classes]. */
  expected: Float32Array;
  /** The largest difference of a probability between the photos, which look much alike through seeded weights. */
  spread: number;
}

/** @param choices without a tail's settings, the last block is trained and its batch-norm frozen */
export async function writeTailedHead(
  root: string,
  name: string,
  tail: Partial<TailSettings> = {},
  choices: Omit<HeadChoices, 'backbone' | 'weights' | 'tail'> = {},
): Promise<TailedHead> {
  const { size = { width: 64, height: 64 }, poolings = ['avg'] } = choices;
  const weights = join(root, 'weights.safetensors');
  writeSeededWeights(weights, name);
  const settings = { from: 'last-block', batchNorm: 'frozen', ...tail } as const;
  const config = { normalize: 'l2' as const, hidden: [8], ...choices.config };
  const dir = await writeRandomHead(join(root, 'best'), {
    ...choices,
    size,
    poolings,
    config,
    backbone: name,
    weights,
    tail: settings,
  });
  const head = await readHead(dir);
  const { photos, pixels } = await writeSyntheticPhotos(root, size);
  const request = { name, size, poolings, weights, ...settings };
  const cut = await loadCutBackbone(request);
  const { [ACTIVATION]: activation, ...early } = await runGraph(cut.front, { pixels });
  const feeds = Object.fromEntries([...head.tail!].map(([weight, { data }]) => [weight, data]));
  const columns = { ...early, ...(await runGraph(cut.tail, { activation, ...feeds })) };
  const features = sideBySide(
    poolings.map((column) => ({
      values: columns[column],
      dimension: columns[column].length / photos.length,
      half: false,
    })),
    photos.length,
  );
  const { probabilities: expected } = await runGraph(headGraph(head), { features });
  const classes = expected.length / photos.length;
  const [first, second] = [expected.subarray(0, classes), expected.subarray(classes)];
  return { dir, head, size, pixels, photos, expected, spread: largestDifference(first, second) };
}

/** The numbers of `--weights none`, which take long to draw for a large network. */
function writeSeededWeights(path: string, name: string): void {
  const source = seededSource(0);
  const tensors = describeBackbone({ name, poolings: [] }).layers.flatMap(({ layer, weights }) =>
    weights.map(({ name: weight, shape }) => {
      return [`${layer}/${weight}`, { shape, data: source(layer, weight, shape) }] as const;
    }),
  );
  writeFileSync(path, encodeSafetensors(tensors));
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), 0);
}
