/** Exports as other programs run them, on 50 photos: PHOTOS names a folder of your own; PERMAFROST_KERAS_PYTHON a Python that scripts/setup-keras.sh made. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tfc from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { exportHead } from '../../src/export/export.ts';
import { MODEL_FILE, WEIGHTS_FILE } from '../../src/export/tfjs.ts';
import { listImages } from '../../src/predict/images.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import { type Head, readHead } from '../../src/shared/head/record.ts';
import { decodeImage } from '../../src/shared/images/decode.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';

const PYTHON = process.env.PERMAFROST_KERAS_PYTHON;
const SCRIPT = fileURLToPath(new URL('python/check_exports.py', import.meta.url));
const PHOTOS = 50;

if (!PYTHON) process.stderr.write('Exports are not run in Python: PERMAFROST_KERAS_PYTHON names none\n');

const SIZE = { width: 224, height: 224 };
const root = newFolder();
const best = join(root, 'best');
let head: Head;
let files: string[];
/** What the command answers, [photos, classes]. */
let expected: Float32Array;
/** The photos as the backbone sees them, and what it makes of them. */
let pixels: Buffer;
let features: Float32Array;

beforeAll(async () => {
  const folder = process.env.PHOTOS ?? join(root, 'leaves');
  if (process.env.PHOTOS === undefined) await drawLeaves(folder, { count: PHOTOS, seed: 1 });
  const all = (await listImages([folder])).map(({ file }) => file);
  const step = Math.max(1, Math.floor(all.length / PHOTOS));
  files = all.filter((_, index) => index % step === 0).slice(0, PHOTOS);
  const backbone = { backbone: 'efficientnet_lite0', weights: 'imagenet', size: SIZE };
  const config = { hidden: [64], batchNorm: true, dropout: 0.2, normalize: 'l2' as const };
  await writeRandomHead(best, { ...backbone, config, record: { temperature: 1.3 } });
  head = await readHead(best);
  const run = await permafrost(['predict', '--head', best, ...files, '--json']);
  expect(run.status, run.stderr).toBe(0);
  const predictions = run.summary.predictions as { probabilities: Record<string, number> }[];
  expected = Float32Array.from(predictions.flatMap(({ probabilities }) => Object.values(probabilities)));
  pixels = Buffer.concat(await Promise.all(files.map((file) => decodeImage(readFileSync(file), SIZE))));
  const { graph } = await loadBackbone({
    name: 'efficientnet_lite0',
    weights: 'imagenet',
    poolings: ['avg'],
  });
  const program = await (await loadEngine('onnxruntime')).compile(graph);
  features = (await program.run({ pixels })).avg;
  await program.release();
});

it.skipIf(!PYTHON)('answer in Python as permafrost does', async () => {
  const bytes = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(join(root, 'frames.bin'), pixels);
  writeFileSync(join(root, 'features.bin'), bytes(features));
  writeFileSync(join(root, 'expected.bin'), bytes(expected));
  const what = { ...SIZE, classes: 3, photos: files };
  writeFileSync(join(root, 'what.json'), JSON.stringify(what));
  await exportHead({ head, format: 'onnx', out: join(root, 'model.onnx'), weights: [] });
  await exportHead({ head, format: 'keras', out: join(root, 'head.keras'), weights: [] });
  await exportHead({ head, format: 'keras', full: true, out: join(root, 'model.keras'), weights: [] });

  const { stdout } = await promisify(execFile)(PYTHON!, [SCRIPT, root]);
  process.stdout.write(stdout);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; images: number; difference: number });
  const names = ['onnx', 'onnx resizing', 'keras', 'keras, whole model'];
  expect(results.map(({ name }) => name)).toEqual(names);
  for (const { name, images: count, difference } of results) {
    expect(count).toBe(PHOTOS);
    // Resizing is ONNX's own, see docs/export.md.
    if (name !== 'onnx resizing') expect(difference).toBeLessThan(1e-4);
  }
});

it('answer in TensorFlow.js as permafrost does', async () => {
  await tfc.setBackend('wasm');
  const { loadLayersModel } = await import('@tensorflow/tfjs-layers');
  const out = join(root, 'web');
  await exportHead({ head, format: 'tfjs', out, weights: [] });
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(out, MODEL_FILE), 'utf8'));
  const weightData = new Uint8Array(readFileSync(join(out, WEIGHTS_FILE))).buffer;
  const weightSpecs = weightsManifest[0].weights;
  const model = await loadLayersModel(tfc.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  const given = tfc.tensor2d(features, [files.length, features.length / files.length]);
  const answers = (model.predict(given) as tfc.Tensor).dataSync();
  const difference = expected.reduce((most, p, index) => Math.max(most, Math.abs(p - answers[index])), 0);
  process.stdout.write(`${JSON.stringify({ name: 'tfjs', images: files.length, difference })}\n`);
  expect(files.length).toBe(PHOTOS);
  expect(answers.length).toBe(expected.length);
  expect(difference).toBeLessThan(1e-4);
});
