/** Whole models for Keras, run as their files describe them; keras.slow.ts runs them in Keras itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { readKeras } from '../../src/export/keras.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { type HeadChoices, writeRandomHead } from '../support/random-head.ts';

async function exported(choices: HeadChoices) {
  const folder = newFolder();
  const head = await readHead(await writeRandomHead(join(folder, 'best'), choices));
  const out = join(folder, 'model.keras');
  const summary = await exportHead({ head, format: 'keras', full: true, out, weights: [] });
  return { out, summary };
}

describe('a whole model for Keras', () => {
  it.each([
    ['mobilenet_0.25', {}],
    ['mobilenet_0.25', { dtype: 'float16', config: { normalize: 'standardize', hidden: [8] } }],
    ['mobilenet_v3_small_0.75', { resize: 'crop bicubic' }],
    ['efficientnet_b0', { resize: 'pad lanczos' }],
    ['mobilenet_0.25', { poolings: ['gem', 'max', 'conv_pw_3_relu/avg'] }],
    [['mobilenet_0.25', 'mobilenet_v3_small_0.75'], { dtype: 'float16' }],
  ] as const)('answers as permafrost does behind %s, %j', async (backbone, choices) => {
    const { out, summary } = await exported({ backbone, ...choices } as HeadChoices);
    expect(summary.difference).toBeLessThan(1e-4);
    expect(summary.bytes).toBe(readFileSync(out).length);
    const layers = await readKeras(out);
    const [input, resizing] = layers;
    expect(input).toMatchObject({ kind: 'InputLayer', config: { batch_shape: [null, null, null, 3] } });
    expect(resizing).toMatchObject({ kind: 'Resizing', config: { height: 48, width: 64, antialias: true } });
    const [fit, interpolation] = ('resize' in choices ? choices.resize : 'stretch bilinear').split(' ');
    expect(resizing.config).toMatchObject({
      interpolation: interpolation === 'lanczos' ? 'lanczos3' : interpolation,
      crop_to_aspect_ratio: fit === 'crop',
      pad_to_aspect_ratio: fit === 'pad',
    });
    // Features that were stored in half precision are rounded to it.
    const columns = 'dtype' in choices ? [backbone].flat().length : 0;
    expect(layers.filter(({ config }) => config.dtype === 'float16')).toHaveLength(columns);
    const names = layers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const features = names.indexOf('features');
    // Functions have no configuration.
    const frozen = layers.slice(1, features).filter(({ kind }) => kind !== 'Log' && kind !== 'Exp');
    for (const { config } of frozen) expect(config.trainable).toBe(false);
    for (const { config } of layers.slice(features + 1)) expect(config.trainable).not.toBe(false);
  });

  it('is refused where Keras cannot resize so, and for other formats', async () => {
    await expect(exported({ resize: 'crop 72 bilinear' })).rejects.toThrow(
      'Expected a head on images whose shorter edge is not set for --full but received "crop 72"',
    );
    const folder = newFolder();
    const head = await writeRandomHead(join(folder, 'best'));
    const args = ['--head', head, '--format', 'onnx', '--full', '--out', join(folder, 'model.onnx')];
    const run = await permafrost(['export', ...args]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('--full works only with --format keras or tfjs, not onnx');
  });
});
