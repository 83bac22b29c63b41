/** Exports of heads behind a trained tail, run by what other programs run them with; larger networks are in tail.slow.ts. */
import { join } from 'node:path';
import * as tfc from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { readKeras } from '../../src/export/keras.ts';
import { silent } from '../../src/shared/reporter.ts';
import { openSafetensors } from '../../src/shared/weights/safetensors.ts';
import { newFolder } from '../support/folders.ts';
import { runOnnxExport, runTfjsExport } from '../support/run-exports.ts';
import { largestDifference, type TailedHead, writeTailedHead } from '../support/tailed-head.ts';

const root = newFolder();
/** Its columns lie before and behind the cut. */
let tailed: TailedHead;

beforeAll(async () => {
  const poolings = ['avg', 'block_6_expand_relu/avg'];
  tailed = await writeTailedHead(root, 'mobilenet_v2_0.35', { batchNorm: 'trainable' }, { poolings });
  expect(tailed.spread).toBeGreaterThan(0.002);
});

describe('a head behind a trained tail', () => {
  it('answers in onnxruntime as the cut network does', async () => {
    const out = join(root, 'model.onnx');
    const { difference } = await exportHead({ head: tailed.head, format: 'onnx', out, weights: [] });
    expect(difference).toBeLessThan(1e-5);
    const { pixels, size, expected } = tailed;
    expect(largestDifference(await runOnnxExport(out, pixels, size), expected)).toBeLessThan(1e-5);
  });

  it('answers in TensorFlow.js as the cut network does, for pixels of its size', async () => {
    await tfc.setBackend('wasm');
    const out = join(root, 'web');
    await exportHead({ head: tailed.head, format: 'tfjs', out, weights: [] });
    const { pixels, size, expected } = tailed;
    expect(largestDifference(await runTfjsExport(out, pixels, size), expected)).toBeLessThan(1e-5);
  });

  it('is a whole model for Keras, in which training goes on with the same layers', async () => {
    const out = join(root, 'model.keras');
    const messages: string[] = [];
    const reporter = { ...silent, info: (message: string) => void messages.push(message) };
    const { difference } = await exportHead({ ...tailed, format: 'keras', out, weights: [], reporter });
    expect(difference).toBeLessThan(1e-5);
    expect(messages).toEqual([
      'The end of the backbone was trained with the head, so the whole model is exported: it takes photos',
    ]);
    const layers = new Map((await readKeras(out)).map((layer) => [layer.name, layer]));
    const { tail } = tailed.head;
    const names = new Set([...tail!.keys()].map((name) => name.split('/')[0]));
    for (const name of names) expect(layers.get(name)?.config.trainable, name).toBe(true);
    const norm = layers.get('block_16_project_BN')!;
    expect(norm).toMatchObject({ kind: 'BatchNormalization', config: { epsilon: 1e-3, momentum: 0.999 } });
    expect(norm.weights.map(([name, { data }]) => [name, data])).toEqual(
      ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((name) => [
        name,
        tail!.get(`block_16_project_BN/${name}`)!.data,
      ]),
    );
    for (const name of ['Conv1', 'block_6_expand', 'block_15_project'])
      expect(layers.get(name)?.config.trainable, name).toBe(false);
  });

  it('keeps batch-norms as they were where they were frozen, and layers that were not trained', async () => {
    const dir = newFolder();
    const tail = { from: 'block_16_expand', train: 'Conv_1' };
    const { head } = await writeTailedHead(dir, 'mobilenet_v2_0.35', tail);
    const out = join(dir, 'model.keras');
    await exportHead({ head, format: 'keras', full: true, out, weights: [] });
    const layers = await readKeras(out);
    const behind = layers.slice(
      0,
      layers.findIndex(({ name }) => name === 'features'),
    );
    const trained = behind.filter(({ config }) => config.trainable !== false);
    expect(trained.map(({ name }) => name)).toEqual(['pixels', 'Conv_1']);
    expect(layers.find(({ name }) => name === 'Conv_1_bn')).toMatchObject({
      kind: 'BatchNormalization',
      config: { trainable: false },
    });
  });

  it('has its tail in safetensors, with the record', async () => {
    const out = join(root, 'head.safetensors');
    const summary = await exportHead({ ...tailed, format: 'safetensors', out, weights: [] });
    expect(summary.difference).toBe(0);
    const file = openSafetensors(out);
    expect(JSON.parse(file.metadata.head)).toEqual(tailed.head.record);
    for (const [name, { data }] of tailed.head.tail!)
      expect(largestDifference(file.read(`tail/${name}`), data), name).toBe(0);
    for (const [name, { data }] of tailed.head.tensors)
      expect(largestDifference(file.read(name), data), name).toBe(0);
    file.close();
  });

  it('is refused without its tail', async () => {
    const { record, tensors } = tailed.head;
    const whole = exportHead({
      head: { record, tensors },
      format: 'onnx',
      out: join(root, 'x'),
      weights: [],
    });
    await expect(whole).rejects.toThrow(
      'Expected the tail of a fine-tuned head, as readHead gives it, for head but received nothing',
    );
  });
});
