/** Poolings of a vision transformer's tokens, and what config.json says of them. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { extractRequest } from '../../../../src/extract/request.ts';
import { openModelBackbone } from '../../../../src/shared/backbones/model-file/open.ts';
import { modelFilePooling } from '../../../../src/shared/backbones/model-file/request.ts';
import { SOURCE_OPTIONS } from '../../../../src/shared/dataset/source-options.ts';
import { newFolder } from '../../../support/folders.ts';
import { syntheticPhoto } from '../../../support/synthetic-photo.ts';

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
const expected: Record<string, number[][]> = JSON.parse(readFileSync(golden('features.json'), 'utf8')).runs[
  'small_transformer 96x96'
];

/** The small transformer (a class token, 4 registers, patches of 16) beside a configuration. */
function modelWith(config: object): string {
  const path = join(newFolder(), 'model.onnx');
  copyFileSync(golden('small_transformer.onnx'), path);
  writeFileSync(join(path, '..', 'config.json'), JSON.stringify(config));
  return path;
}

async function featuresOf(path: string, poolings: string[]): Promise<Record<string, Float32Array>> {
  const options = { path, preprocess: 'half', resize: {}, poolings, engine: {} };
  const { program } = await openModelBackbone(options);
  const features = await program.run({ pixels: syntheticPhoto(0, 96, 96) });
  await program.release();
  return features;
}

const DINOV2 = { model_type: 'dinov2_with_registers', patch_size: 16, num_register_tokens: 4 };

it('cls and the mean of the patches, apart and side by side, are PyTorch’s', async () => {
  const found = await featuresOf(modelWith(DINOV2), ['cls', 'mean', 'cls+mean', 'avg']);
  const [cls, mean] = [expected.cls[0], expected.avg[0]];
  for (const [column, values] of Object.entries({ cls, mean, avg: mean, 'cls+mean': [...cls, ...mean] })) {
    const difference = Math.hypot(...values.map((value, index) => value - found[column][index]));
    expect(found[column].length).toBe(values.length);
    expect(difference / Math.hypot(...values), column).toBeLessThan(1e-4);
  }
});

it('registers of another number than the model has are refused', async () => {
  await expect(featuresOf(modelWith({ ...DINOV2, num_register_tokens: 2 }), ['mean'])).rejects.toThrow(
    /^Expected 3 \+ 36 tokens of a dinov2_with_registers with patches of 16, as config.json says, but received 41$/,
  );
});

it('pooler is refused where the model has none', async () => {
  await expect(featuresOf(modelWith(DINOV2), ['pooler'])).rejects.toThrow(
    /^Expected a pooling other than pooler \(.*model.onnx has none of the outputs image_embeds, pooler_output\) for --pooling/,
  );
});

it.each([
  [DINOV2, ['cls+mean']],
  [{ model_type: 'dinov3_vit' }, ['cls']],
  [{ model_type: 'siglip', vision_config: { patch_size: 16 } }, ['pooler']],
  [{ model_type: 'convnextv2' }, ['avg']],
])('without --pooling, %j is pooled as %j', (config, poolings) => {
  const path = modelWith(config);
  expect(extractRequest({ backbone: path }).networks[0].poolings).toEqual([]);
  expect([modelFilePooling(path)]).toEqual(poolings);
});

it.each<[string, object]>([
  ['num_register_tokens', { ...DINOV2, num_register_tokens: -1 }],
  ['patch_size', { ...DINOV2, patch_size: '16' }],
  ['vision_config.patch_size', { model_type: 'clip', vision_config: { patch_size: 0 } }],
  ['id2label', { id2label: ['cat'] }],
  ['model_type', { model_type: 7 }],
])('a config.json with a damaged %s is refused', async (field, config) => {
  const path = modelWith(config);
  await expect(featuresOf(path, ['avg'])).rejects.toThrow(
    new RegExp(`^Expected .* for ${field} of .*config.json but received`),
  );
});

it.each([
  ['cls+mean', ['cls+mean']],
  ['avg+cls+mean+max', ['avg', 'cls+mean', 'max']],
  ['-3/cls+mean+cls', ['-3/cls+mean', 'cls']],
  ['avg+cls', ['avg', 'cls']],
  ['mean+max', ['mean', 'max']],
])('a grid reads the columns %s as %j', (text, columns) => {
  expect(SOURCE_OPTIONS.pooling.parse(text, 'pooling')).toEqual(columns);
});
