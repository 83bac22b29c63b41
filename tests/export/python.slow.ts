/** ONNX and Keras exports in Python, on 50 photos: PHOTOS names a folder of your own; KERAS_PYTHON a Python with Keras. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { exportHead } from '../../src/export/export.ts';
import { listImages } from '../../src/predict/images.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { decodeImage } from '../../src/shared/images/decode.ts';
import { newFolder, permafrost } from '../command.ts';
import { writeRandomHead } from '../head.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/check-exports.sh', import.meta.url));
const PHOTOS = 50;

const hasPython = spawnSync('python3', ['-m', 'venv', '--help']).status === 0;
if (!hasPython) process.stderr.write('Exports are not run in Python: there is no python3 with venv\n');
if (!process.env.KERAS_PYTHON)
  process.stderr.write('.keras exports are not run in Keras: KERAS_PYTHON names no Python\n');

it.skipIf(!hasPython)('answer in Python as permafrost does', async () => {
  const root = newFolder();
  let folder = process.env.PHOTOS;
  if (folder === undefined) {
    folder = join(root, 'leaves');
    await drawLeaves(folder, { count: PHOTOS, seed: 1 });
  }
  const all = await listImages([folder]);
  const images = all
    .filter((_, at) => at % Math.max(1, Math.floor(all.length / PHOTOS)) === 0)
    .slice(0, PHOTOS);
  const size = { width: 224, height: 224 };
  const backbone = { backbone: 'efficientnet_lite0', weights: 'imagenet', size };
  const config = { hidden: [64], batchNorm: true, dropout: 0.2, normalize: 'l2' as const };
  const options = { ...backbone, config, record: { temperature: 1.3 } };
  const head = await readHead(await writeRandomHead(join(root, 'best'), options));
  const files = images.map(({ file }) => file);
  const run = await permafrost(['predict', '--head', join(root, 'best'), ...files, '--json']);
  expect(run.status, run.stderr).toBe(0);
  const predictions = run.summary.predictions as { probabilities: Record<string, number> }[];
  const expected = Float32Array.from(
    predictions.flatMap(({ probabilities }) => Object.values(probabilities)),
  );
  const frames = await Promise.all(images.map(async ({ file }) => decodeImage(readFileSync(file), size)));
  const pixels = Buffer.concat(frames);
  const { graph } = await loadBackbone({
    name: 'efficientnet_lite0',
    weights: 'imagenet',
    poolings: ['avg'],
  });
  const program = await (await loadEngine('onnxruntime')).compile(graph);
  const { avg } = await program.run({ pixels });
  await program.release();
  const bytes = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(join(root, 'frames.bin'), pixels);
  writeFileSync(join(root, 'features.bin'), bytes(avg));
  writeFileSync(join(root, 'expected.bin'), bytes(expected));
  const what = { ...size, classes: 3, photos: files };
  writeFileSync(join(root, 'what.json'), JSON.stringify(what));
  await exportHead({ head, format: 'onnx', out: join(root, 'model.onnx'), weights: [] });
  await exportHead({ head, format: 'keras', out: join(root, 'head.keras'), weights: [] });

  const { stdout } = await promisify(execFile)('bash', [SCRIPT, root]);
  process.stdout.write(stdout);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; images: number; difference: number });
  const names = ['onnx', 'onnx resizing', ...(process.env.KERAS_PYTHON ? ['keras'] : [])];
  expect(results.map(({ name }) => name)).toEqual(names);
  for (const { name, images: count, difference } of results) {
    expect(count).toBe(PHOTOS);
    // Resizing is ONNX's own, see docs/export.md.
    if (name !== 'onnx resizing') expect(difference).toBeLessThan(1e-4);
  }
});
