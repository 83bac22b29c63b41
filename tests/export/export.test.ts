/** Exports, run by what other programs run them with. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tfc from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ExportFormat, exportHead } from '../../src/export/export.ts';
import { MODEL_FILE, WEIGHTS_FILE } from '../../src/export/tfjs.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import { headInputs } from '../../src/shared/head/head-tensors.ts';
import { headGraph } from '../../src/shared/head/predictor.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { decodeImage } from '../../src/shared/images/decode.ts';
import { parseResize } from '../../src/shared/images/resize.ts';
import { openSafetensors } from '../../src/shared/weights/safetensors.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { type HeadChoices, writeRandomHead } from '../support/random-head.ts';

const HEADS: [string, HeadChoices][] = [
  ['linear', { record: { temperature: 1.7 } }],
  ['l2 and batch-norm', { config: { normalize: 'l2', hidden: [12, 8], batchNorm: true, dropout: 0.25 } }],
  ['softsign', { config: { normalize: 'softsign' } }],
  [
    'standardized, gated, multi-label',
    {
      config: { normalize: 'standardize', se: 4, hidden: [9], activation: 'gelu', output: 'sigmoid' },
      record: { task: 'multilabel', thresholds: [0.2, 0.5, 0.9] },
    },
  ],
  ...(['leaky_relu', 'selu', 'swish', 'tanh', 'softmax'] as const).map(
    (activation): [string, HeadChoices] => [
      activation,
      { config: { hidden: [10], activation, bias: false } },
    ],
  ),
];

async function exported(format: ExportFormat, choices: HeadChoices, file: string) {
  const folder = newFolder();
  const head = await readHead(await writeRandomHead(join(folder, 'best'), choices));
  const out = join(folder, file);
  const summary = await exportHead({ head, format, out, weights: [] });
  expect(existsSync(`${out}.tmp`)).toBe(false);
  return { head, out, summary };
}

describe.each(HEADS)('a head that is %s', (_, choices) => {
  it.each(['onnx', 'keras', 'safetensors'] as const)('answers alike as %s', async (format) => {
    const { out, summary } = await exported(format, choices, `head.${format}`);
    expect(summary.difference).toBeLessThan(1e-4);
    expect(readFileSync(out).length).toBe(summary.bytes);
  });

  it('answers alike in TensorFlow.js', async () => {
    await tfc.setBackend('wasm');
    const { loadLayersModel } = await import('@tensorflow/tfjs-layers');
    const { head, out, summary } = await exported('tfjs', choices, 'web');
    expect(summary.difference).toBeLessThan(1e-4);
    const { modelTopology, weightsManifest, userDefinedMetadata } = JSON.parse(
      readFileSync(join(out, MODEL_FILE), 'utf8'),
    );
    expect(userDefinedMetadata.labels).toEqual(head.record.classes);
    const bytes = new Uint8Array(readFileSync(join(out, WEIGHTS_FILE)));
    const weightSpecs = weightsManifest[0].weights;
    const model = await loadLayersModel(
      tfc.io.fromMemory({ modelTopology, weightSpecs, weightData: bytes.buffer }),
    );
    const inputs = headInputs(head.record);
    const features = Float32Array.from({ length: 4 * inputs }, (__, i) => Math.abs(Math.sin(i * 1.7)) * 2);
    const program = await (await loadEngine('onnxruntime')).compile(headGraph(head));
    const { probabilities } = await program.run({ features });
    await program.release();
    const answer = (model.predict(tfc.tensor2d(features, [4, inputs])) as tfc.Tensor).dataSync();
    expect(answer.length).toBe(probabilities.length);
    for (const [index, p] of probabilities.entries()) expect(Math.abs(answer[index] - p)).toBeLessThan(1e-4);
  });
});

describe('an ONNX export', () => {
  /** A smooth picture, as photos mostly are. */
  const picture = (width: number, height: number): Buffer => {
    const data = Buffer.alloc(width * height * 3);
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      data[i] = 128 + 100 * Math.sin((x / width) * 9 + (i % 3)) * Math.cos((y / height) * 7);
    }
    return data;
  };

  it.each(['bilinear', 'bicubic', 'nearest', 'crop bicubic', 'crop 72 bilinear', 'pad bilinear'])(
    'resizes photos inside: %s',
    async (resize) => {
      const { head, out } = await exported('onnx', { resize, dtype: 'float16' }, 'model.onnx');
      const engine = await loadEngine('onnxruntime');
      const size = { width: 64, height: 48 };
      const backbone = await loadBackbone({
        name: 'mobilenet_0.25',
        weights: 'none',
        size,
        poolings: ['avg'],
      });
      const session = await InferenceSession.create(out);
      expect([...session.inputNames, ...session.outputNames]).toEqual(['pixels', 'probabilities']);
      const feed = async (data: Uint8Array, width: number, height: number) =>
        (await session.run({ pixels: new Tensor('uint8', data, [1, height, width, 3]) })).probabilities
          .data as Float32Array;
      for (const [width, height] of [
        [200, 120],
        [90, 160],
      ]) {
        const raw = picture(width, height);
        const png = await sharp(raw, { raw: { width, height, channels: 3 } })
          .png()
          .toBuffer();
        const [{ pipeline }] = head.record.sources;
        const placed = await decodeImage(png, pipeline.size, parseResize(pipeline.resize, 'test'));
        const inside = await feed(raw, width, height);
        const program = await engine.compile(backbone.graph);
        const { avg } = await program.run({ pixels: placed });
        await program.release();
        const answers = await engine.compile(headGraph(head));
        const { probabilities } = await answers.run({ features: avg });
        await answers.release();
        // Resized by another program: close, not equal.
        for (const [index, p] of probabilities.entries())
          expect(Math.abs(inside[index] - p)).toBeLessThan(5e-3);
      }
      await session.release();
    },
  );

  it('says what its outputs mean', async () => {
    const { out } = await exported(
      'onnx',
      { record: { task: 'multilabel', thresholds: [0.25, 0.5, 0.75] }, config: { output: 'sigmoid' } },
      'model.onnx',
    );
    const text = readFileSync(out).toString('latin1');
    for (const part of [
      'labels',
      '["red","green <b>","blue"]',
      'thresholds',
      '[0.25,0.5,0.75]',
      'multilabel',
    ])
      expect(text).toContain(part);
  });

  it('is refused where ONNX has no such resizing', async () => {
    await expect(exported('onnx', { resize: 'pad lanczos' }, 'model.onnx')).rejects.toThrow(
      'Expected a head on images resized by nearest, bilinear, bicubic, which ONNX has, for --format onnx but received "lanczos"',
    );
  });
});

describe('permafrost export', () => {
  it('writes, checks and sums up', async () => {
    const folder = newFolder();
    const head = await writeRandomHead(join(folder, 'best'));
    const out = join(folder, 'deep', 'head.safetensors');
    const run = await permafrost([
      'export',
      '--head',
      head,
      '--format',
      'safetensors',
      '--out',
      out,
      '--json',
    ]);
    expect(run.status, run.stderr).toBe(0);
    expect(run.summary).toMatchObject({ out, format: 'safetensors', difference: 0 });
    const file = openSafetensors(out);
    expect(JSON.parse(file.metadata.head).classes).toEqual(['red', 'green <b>', 'blue']);
    file.close();
  });

  it('refuses other weights, an unknown format and a folder in the way', async () => {
    const folder = newFolder();
    const head = await writeRandomHead(join(folder, 'best'));
    const other = await writeRandomHead(join(folder, 'other'));
    const record = join(other, 'head.json');
    writeFileSync(
      record,
      readFileSync(record, 'utf8').replace(/"weightsHash": "..../, '"weightsHash": "0000'),
    );
    const refused = async (status: number, ...args: string[]): Promise<string> => {
      const run = await permafrost(['export', ...args]);
      expect(run.stderr).not.toMatch(STACK_TRACE);
      expect(run.status, run.stderr).toBe(status);
      return run.stderr;
    };
    const out = ['--out', join(folder, 'model')];
    expect(await refused(1, '--head', other, '--format', 'onnx', ...out)).toContain(
      'Expected weights of mobilenet_0.25',
    );
    expect(await refused(2, '--head', head, '--format', 'onx', ...out)).toContain('did you mean onnx');
    const into = await refused(1, '--head', head, '--format', 'keras', '--out', folder);
    expect(into).toContain(`Cannot write ${folder}`);
  });
});
