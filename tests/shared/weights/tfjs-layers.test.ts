import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeBackbone, loadBackbone } from '../../../src/shared/backbones/load.ts';
import { seededSource } from '../../../src/shared/weights/seeded.ts';
import { newFolder } from '../../support/folders.ts';
import { fuzzModelFile } from '../../support/fuzz/model-files.ts';

const NAME = 'mobilenet_0.25';
const SHARD = 300_000;

interface Manifest {
  format: string;
  weightsManifest: {
    paths: string[];
    weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
  }[];
}

/** A model as tf.LayersModel.save and tensorflowjs_converter write it: what is trained first, then the statistics. */
function writeModel(folder: string, { prefix = '', uint8 = false } = {}): Manifest {
  mkdirSync(folder, { recursive: true });
  const source = seededSource(0);
  const { layers } = describeBackbone({ name: NAME, poolings: [] });
  const all = layers.flatMap(({ layer, weights }) => weights.map((weight) => ({ layer, ...weight })));
  const isStatistic = (name: string) => name.startsWith('moving');
  const ordered = [
    ...all.filter(({ name }) => !isStatistic(name)),
    ...all.filter(({ name }) => isStatistic(name)),
  ];
  const bytes = Buffer.concat(
    ordered.map(({ layer, name, shape }) => {
      const data = source(layer, name, shape);
      return uint8
        ? Buffer.from(data.map((value) => Math.round((value + 2) * 50)))
        : Buffer.from(data.buffer);
    }),
  );
  const quantization = uint8 ? { quantization: { dtype: 'uint8', scale: 0.02, min: -2 } } : {};
  const paths: string[] = [];
  for (let start = 0; start < bytes.length; start += SHARD) {
    paths.push(`group1-shard${paths.length + 1}.bin`);
    writeFileSync(join(folder, paths.at(-1)!), bytes.subarray(start, start + SHARD));
  }
  const weights = ordered.map(({ layer, name, shape }) => ({
    name: `${prefix}${layer}/${name}`,
    shape: [...shape],
    dtype: 'float32',
    ...quantization,
  }));
  const manifest = { format: 'layers-model', modelTopology: {}, weightsManifest: [{ paths, weights }] };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
  return manifest;
}

const root = newFolder();
const load = (weights: string) => loadBackbone({ name: NAME, poolings: ['avg'], weights });
let manifest: Manifest;

beforeAll(() => {
  manifest = writeModel(join(root, 'whole'));
});

/** The model with another manifest, beside the same shards. */
function changed(change: (manifest: Manifest) => void): string {
  const copy = structuredClone(manifest);
  change(copy);
  const path = join(root, 'whole', 'changed.json');
  writeFileSync(path, JSON.stringify(copy));
  return path;
}

describe('a TensorFlow.js layers model', () => {
  it.each(['', 'mobilenet_0.25_224/'])(
    'gives the arrays that were saved, called %sLAYER/WEIGHT',
    async (prefix) => {
      const folder = join(root, `prefix${prefix.length}`);
      writeModel(folder, { prefix });
      const { weightsHash } = await load(join(folder, 'model.json'));
      expect(weightsHash).toBe((await load('none')).weightsHash);
    },
  );

  it('is read from quantized numbers', async () => {
    writeModel(join(root, 'small'), { uint8: true });
    const { graph } = await load(join(root, 'small', 'model.json'));
    expect(graph.outputs.size).toBe(1);
  });

  it.each<[string, (manifest: Manifest) => void, RegExp]>([
    [
      'of another kind',
      (m) => {
        m.format = 'graph-model';
      },
      /Expected a layers model, whose layers have names, for format/,
    ],
    [
      'of another network',
      (m) => {
        m.weightsManifest[0].weights[0].shape = [3, 2, 3, 12];
      },
      /Expected kernel 3x3x3x8 for layer conv1 of mobilenet_0.25 but found 3x2x3x12/,
    ],
    [
      'with an array too many',
      (m) => {
        m.weightsManifest[0].weights.push({ name: 'head/bias', shape: [9], dtype: 'float32' });
      },
      /Expected \d+ bytes in group1-shard1.bin, .* but received \d+/,
    ],
    [
      'with an impossible array',
      (m) => {
        m.weightsManifest[0].weights[0].shape = [2 ** 31 - 1, 2 ** 31 - 1];
      },
      /Expected a smaller array for weightsManifest\[0\].weights\[0\].shape/,
    ],
    [
      'with shards elsewhere',
      (m) => {
        m.weightsManifest[0].paths[0] = '../whole/group1-shard1.bin';
      },
      /Expected plain file names for paths/,
    ],
    [
      'with a shard that is not there',
      (m) => {
        m.weightsManifest[0].paths[0] = 'nowhere.bin';
      },
      /nowhere.bin, .* they cannot be read/,
    ],
    [
      'of other numbers',
      (m) => {
        m.weightsManifest[0].weights[0].dtype = 'int32';
      },
      /Expected one of float32 for weightsManifest\[0\].weights\[0\].dtype/,
    ],
  ])('%s is refused', async (_, change, message) => {
    const path = changed(change);
    await expect(load(path)).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringMatching(message) }),
    );
  });

  it('is refused or read whole, however it is damaged', async () => {
    const text = readFileSync(join(root, 'whole', 'model.json'));
    const path = join(root, 'whole', 'damaged.json');
    let refused = 0;
    for (let index = 0; index < 100; index++) {
      writeFileSync(path, fuzzModelFile(text, index));
      const outcome: unknown = await load(path).catch((thrown: unknown) => thrown);
      if (!(outcome instanceof Error)) continue;
      expect(outcome, `damage ${index}: ${outcome.stack}`).toMatchObject({ name: 'InputError' });
      expect(outcome.message).toContain('damaged.json');
      refused++;
    }
    expect(refused).toBeGreaterThan(50);
  });
});
