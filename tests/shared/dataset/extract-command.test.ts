/** The command that adds columns to a store says all that the store was made with. */
import { expect, it } from 'vitest';
import { addingCommand } from '../../../src/shared/dataset/extract-command.ts';
import type { Pipeline, StoreManifest } from '../../../src/shared/store/schema.ts';
import { pipeline, storeManifest } from '../../support/pipeline.ts';

const COMMIT = 'a'.repeat(40);

function flagsFor(
  changes: Partial<Pipeline>,
  rest: Partial<StoreManifest> = {},
  dir = 'cache/photos',
): string {
  const manifest = storeManifest({ pipeline: { ...pipeline(), weights: 'imagenet', ...changes }, ...rest });
  const [, flags] = addingCommand({ dir, manifest }, 'LAYER').split('permafrost extract --data DATA ');
  return flags;
}

it.each<[Partial<Pipeline>, string]>([
  [{}, '--backbone resnet50 --layer LAYER --size 224x160'],
  [{ weights: 'none' }, '--backbone resnet50 --weights none --layer LAYER --size 224x160'],
  [
    { weights: 'my weights.h5', size: { width: 64, height: 48 } },
    "--backbone resnet50 --weights 'my weights.h5' --layer LAYER --size 64x48",
  ],
  [{ resize: 'crop bilinear' }, '--backbone resnet50 --layer LAYER --size 224x160 --resize crop'],
  [{ resize: 'lanczos' }, '--backbone resnet50 --layer LAYER --size 224x160 --interpolation lanczos'],
  [{ dtype: 'float16' }, '--backbone resnet50 --layer LAYER --size 224x160 --dtype float16'],
])('of a network, %j', (changes, flags) => {
  expect(flagsFor(changes)).toBe(`${flags} --out cache/photos`);
});

it.each<[Partial<Pipeline>, string]>([
  [
    { backbone: 'vit.onnx', weights: '/models/vit.onnx', resize: 'pad bicubic' },
    '--backbone /models/vit.onnx --preprocess half --layer LAYER --size 224x160 --resize pad --interpolation bicubic',
  ],
  [
    {
      backbone: 'hf:org/vit',
      weights: `hf:org/vit@${COMMIT}/onnx/model_fp16.onnx`,
      resize: 'crop 256 bicubic',
    },
    `--backbone hf:org/vit@${COMMIT} --precision fp16 --preprocess half --layer LAYER --size 224x160 --interpolation bicubic`,
  ],
  ...['/models/vit', '/models/vit/onnx'].map((folder): [Partial<Pipeline>, string] => [
    { backbone: 'vit/model.onnx', weights: `${folder}/model.onnx` },
    '--backbone /models/vit --preprocess half --layer LAYER --size 224x160 --resize stretch --interpolation bilinear',
  ]),
])('of an ONNX model, %j', (changes, flags) => {
  expect(flagsFor({ preprocessing: 'half', ...changes })).toBe(`${flags} --out cache/photos`);
});

it('of views and of a shard', () => {
  const flags = '--backbone resnet50 --layer LAYER --size 224x160';
  const augment = 'flip,rotate=20;seed=3';
  expect(flagsFor({}, { augment })).toBe(`${flags} --augment N:flip,rotate=20 --seed 3 --out cache/photos`);
  expect(flagsFor({}, { shard: { index: 1, of: 4 } }, 'cache/photos/shard-001-of-004')).toBe(
    `${flags} --shard 1/4 --out cache/photos`,
  );
});

it.each([
  ['my photos/été', "'my photos/été'"],
  ["it's", "'it'\\''s'"],
  ['été/$HOME', "'été/$HOME'"],
  ['été/a-b_c.d', 'été/a-b_c.d'],
])('of a folder called %s', (dir, quoted) => {
  expect(flagsFor({}, {}, dir).split(' --out ')[1]).toBe(quoted);
});
