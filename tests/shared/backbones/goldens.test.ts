/** Full-size backbones against the features that Keras and PyTorch compute (golden/*.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeBackbone, loadBackbone } from '../../../src/shared/backbones/load.ts';
import { ENGINES_UNDER_TEST, type EngineUnderTest, loadUnderTest } from '../engines/under-test.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

interface Golden {
  /** Layer, then its weights' names and shapes, in Keras's order. */
  layers?: [string, [string, number[]][]][];
  runs: {
    width: number;
    height: number;
    dimension: number;
    /** Every how-manyth feature is in the sample. */
    every: number;
    photos: { norm: number; sample: number[] }[];
  }[];
}

function golden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'));
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}

function relativeError(received: ArrayLike<number>, expected: ArrayLike<number>): number {
  return norm(Array.from(expected, (value, at) => value - received[at])) / norm(expected);
}

async function pooledFeatures(
  engine: EngineUnderTest,
  name: string,
  weights: string,
  width: number,
  height: number,
) {
  const { graph } = await loadBackbone({ name, weights, size: { width, height }, poolings: ['avg'] });
  const program = await (await loadUnderTest(engine)).compile(graph);
  const pixels = new Uint8Array(2 * width * height * 3);
  pixels.set(syntheticPhoto(0, width, height));
  pixels.set(syntheticPhoto(1, width, height), width * height * 3);
  const { avg } = await program.run({ pixels });
  await program.release();
  return [avg.subarray(0, avg.length / 2), avg.subarray(avg.length / 2)];
}

/** The engine without a native library is slow: it runs the smallest network only. */
const SMALL = ['efficientnet_lite0'];

const CASES = [
  { name: 'resnet50', weights: 'none', tolerance: 1e-4, reference: 'Keras' },
  { name: 'vgg16', weights: 'none', tolerance: 1e-4, reference: 'Keras' },
  { name: 'inception_v3', weights: 'none', tolerance: 1e-4, reference: 'Keras' },
  { name: 'efficientnet_lite0', weights: 'imagenet', tolerance: 2e-3, reference: 'PyTorch' },
];

for (const { name, weights, tolerance, reference } of CASES) {
  describe(name, () => {
    const { runs, layers } = golden(name);

    const engines = ENGINES_UNDER_TEST.filter(
      (engine) => engine !== 'tfjs-backend-wasm' || SMALL.includes(name),
    );
    const cases = runs.flatMap((run) => engines.map((engine) => ({ ...run, engine })));
    for (const { width, height, dimension, every, photos, engine } of cases) {
      it(`gives ${reference}'s features at ${width}x${height} to ${tolerance} on ${engine}`, async () => {
        const features = await pooledFeatures(engine, name, weights, width, height);
        features.forEach((row, photo) => {
          expect(row).toHaveLength(dimension);
          const sample = row.filter((_, at) => at % every === 0);
          expect(relativeError(sample, photos[photo].sample)).toBeLessThan(tolerance);
          expect(Math.abs(norm(row) / photos[photo].norm - 1)).toBeLessThan(tolerance);
        });
        expect(relativeError(features[0], features[1])).toBeGreaterThan(0.1);
      });
    }

    if (layers) {
      it('lists its layers with weights as Keras does', () => {
        const ours = describeBackbone({ name, poolings: [] }).layers;
        expect(ours.map(({ layer, weights }) => [layer, weights.map(({ name, shape }) => [name, shape])])).toEqual(layers);
      });
    }
  });
}
