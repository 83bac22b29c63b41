/** Exports of networks with a trained tail in every program: PERMAFROST_KERAS_PYTHON names a Python with Keras. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tfc from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { trainedWeights } from '../../src/shared/backbones/cut/weights.ts';
import { recordedTail } from '../../src/shared/head/tail-file.ts';
import type { TailSettings } from '../../src/shared/head/tail-settings.ts';
import { newFolder } from '../support/folders.ts';
import { runOnnxExport, runTfjsExport } from '../support/run-exports.ts';
import { largestDifference, type TailedHead, writeTailedHead } from '../support/tailed-head.ts';

const PYTHON = process.env.PERMAFROST_KERAS_PYTHON;
const SCRIPT = fileURLToPath(new URL('python/check_tails.py', import.meta.url));

const SIZE = { width: 96, height: 80 };

/** What is trained of each network. */
const TAILS: Readonly<Record<string, Partial<TailSettings>>> = {
  'mobilenet_v2_0.35': { from: 'block_16_project' },
  efficientnet_lite0: { batchNorm: 'trainable' },
  'mobilenet_v3_small_0.75': { train: 'bias', batchNorm: 'trainable' },
  resnet50: { from: 'conv5_block3', train: 'conv5_block3_3_conv', batchNorm: 'trainable' },
  vgg16: { from: 'block5_conv2', batchNorm: 'insert' },
  inception_v3: { train: 'batch-norm', batchNorm: 'trainable' },
  densenet121: { from: 'conv5_block16', train: 'all' },
  convnext_tiny: {},
};
/** TensorFlow.js has no error function. */
const NOT_IN_TFJS = ['convnext_tiny'];

const root = newFolder();
const tailed = new Map<string, TailedHead>();

beforeAll(async () => {
  await tfc.setBackend('wasm');
  for (const [name, tail] of Object.entries(TAILS)) {
    const folder = join(root, name);
    mkdirSync(folder);
    tailed.set(name, await writeTailedHead(folder, name, tail, { size: SIZE }));
  }
}, 600_000);

function expectSame(difference: number, { spread }: TailedHead, what: string): void {
  expect(difference, what).toBeLessThan(1e-4);
  // Photos differ by much more, so that a mistake would show.
  expect(difference, what).toBeLessThan(spread / 50);
}

it.each(Object.keys(TAILS))('%s answers in every format as the cut network does', async (name) => {
  const one = tailed.get(name)!;
  const { head, pixels, size, expected } = one;
  const differences: Record<string, number> = {};
  const outs = { onnx: 'model.onnx', keras: 'model.keras', safetensors: 'head.safetensors', tfjs: 'web' };
  for (const format of ['onnx', 'keras', 'safetensors', 'tfjs'] as const) {
    if (format === 'tfjs' && NOT_IN_TFJS.includes(name)) continue;
    const out = join(root, name, outs[format]);
    differences[format] = (await exportHead({ head, format, out, weights: [] })).difference;
    const run = { onnx: runOnnxExport, tfjs: runTfjsExport }[format as string];
    if (run) differences[`${format} itself`] = largestDifference(await run(out, pixels, size), expected);
  }
  process.stdout.write(`${JSON.stringify({ name, spread: one.spread, ...differences })}\n`);
  for (const [format, difference] of Object.entries(differences)) expectSame(difference, one, format);
});

if (!PYTHON)
  process.stderr.write('Trained tails are not run in Keras: PERMAFROST_KERAS_PYTHON names no Python\n');

it.skipIf(!PYTHON)('answer in Keras as the cut network does, and train on there', async () => {
  for (const [name, { pixels, expected }] of tailed) {
    writeFileSync(join(root, name, 'pixels'), pixels);
    writeFileSync(join(root, name, 'expected'), new Uint8Array(Float32Array.from(expected).buffer));
  }
  const models = [...tailed.keys()].map((name) => ({ name, ...SIZE }));
  writeFileSync(join(root, 'models.json'), JSON.stringify(models));
  const { stdout } = await promisify(execFile)(PYTHON!, [SCRIPT, root], { maxBuffer: 1 << 26 });
  process.stdout.write(stdout);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
  expect(results.map(({ name }) => name)).toEqual([...tailed.keys()]);
  for (const { name, difference, loss, changed } of results) {
    const one = tailed.get(name)!;
    expectSame(difference, one, name);
    expect(loss, name).toBeGreaterThan(0);
    const { config, sources } = one.head.record;
    const weights = recordedTail(config.tail!, sources, 'head.json');
    const trained = trainedWeights(weights, config.tail!.train).filter(({ isFrozenNorm }) => !isFrozenNorm);
    // Layer scales are part of the convolution before them.
    const own = new Set(trained.filter(({ weight }) => weight !== 'layer_scale').map(({ layer }) => layer));
    expect(changed.sort(), name).toEqual([...own, 'dense_0', 'output'].sort());
  }
});

interface Result {
  name: string;
  /** From the cut network's probabilities. */
  difference: number;
  /** Of one step. */
  loss: number;
  /** Layers whose weights the step changed. */
  changed: string[];
}
