/** Whole models for TensorFlow.js, run in it. */
import { join } from 'node:path';
import * as tfc from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { predict } from '../../src/predict/library.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { newFolder } from '../support/folders.ts';
import { type HeadChoices, writeRandomHead } from '../support/random-head.ts';
import { runTfjsExport } from '../support/run-exports.ts';
import { writeSyntheticPhotos } from '../support/synthetic-photo-files.ts';
import { largestDifference } from '../support/tailed-head.ts';

const SIZE = { width: 64, height: 48 };

beforeAll(async () => {
  await tfc.setBackend('wasm');
});

async function exported(choices: HeadChoices) {
  const folder = newFolder();
  const head = await readHead(await writeRandomHead(join(folder, 'best'), { size: SIZE, ...choices }));
  const out = join(folder, 'web');
  await exportHead({ head, format: 'tfjs', full: true, out, weights: [] });
  return { folder, head, out };
}

describe('a whole model for TensorFlow.js', () => {
  it.each<HeadChoices>([
    { config: { normalize: 'softsign' } },
    { backbone: ['mobilenet_0.25', 'mobilenet_0.25'], dtype: 'float16' },
  ])('answers for photos of its size as predict does: %j', async (choices) => {
    const { folder, head, out } = await exported(choices);
    const { pixels, photos } = await writeSyntheticPhotos(folder, SIZE);
    const predictions = await predict({ head, images: photos });
    const expected = Float32Array.from(predictions.flatMap(({ probabilities }) => [...probabilities]));
    expect(largestDifference(await runTfjsExport(out, pixels, SIZE), expected)).toBeLessThan(1e-4);
  });

  it('is refused for functions that TensorFlow.js does not have', async () => {
    await expect(exported({ poolings: ['gem'] })).rejects.toThrow(
      'Expected a backbone whose operations TensorFlow.js has as layers for --format tfjs but received "log"',
    );
  });
});
