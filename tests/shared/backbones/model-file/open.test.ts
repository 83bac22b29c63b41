import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  type ModelFileOptions,
  openModelBackbone,
} from '../../../../src/shared/backbones/model-file/open.ts';
import { formatResize } from '../../../../src/shared/images/resize.ts';
import { newFolder } from '../../../support/folders.ts';
import { syntheticPhoto } from '../../../support/synthetic-photo.ts';

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
const { runs }: { runs: Record<string, Record<string, number[][]>> } = JSON.parse(
  readFileSync(golden('features.json'), 'utf8'),
);

const open = (name: string, options: Partial<ModelFileOptions> = {}) =>
  openModelBackbone({
    path: golden(`${name}.onnx`),
    preprocess: 'half',
    resize: {},
    poolings: ['avg'],
    engine: {},
    ...options,
  });

/** The features of both photos, by column. */
async function features(
  name: string,
  options: Partial<ModelFileOptions>,
): Promise<Record<string, number[][]>> {
  const { description, program } = await open(name, options);
  const { width, height } = description.size;
  const results = await program.run({
    pixels: Buffer.concat([syntheticPhoto(0, width, height), syntheticPhoto(1, width, height)]),
  });
  await program.release();
  return Object.fromEntries(
    description.columns.map(({ name, dimension }) => [
      name,
      [0, 1].map((row) => [...results[name].subarray(row * dimension, (row + 1) * dimension)]),
    ]),
  );
}

const norm = (vector: number[]): number => Math.hypot(...vector);

const PREPROCESS: Record<string, string> = { narrow_resnet: 'imagenet', colours_last: 'none' };

describe("features of a model's file", () => {
  it.each(Object.keys(runs))('%s are PyTorch’s', async (run) => {
    const [name, size] = run.split(' ');
    const [width, height] = size.split('x').map(Number);
    const options = {
      size: { width, height },
      poolings: Object.keys(runs[run]),
      preprocess: PREPROCESS[name] ?? 'half',
    };
    const found = await features(name, options);
    for (const [column, rows] of Object.entries(runs[run])) {
      rows.forEach((expected, photo) => {
        const difference = norm(expected.map((value, index) => value - found[column][photo][index]));
        expect(difference / norm(expected), column).toBeLessThan(1e-4);
      });
      expect(norm(rows[0].map((value, index) => value - rows[1][index])) / norm(rows[0])).toBeGreaterThan(
        0.1,
      );
    }
  });

  it('come from the photo at the size and by the pixels of the configuration beside it', async () => {
    const folder = newFolder();
    cpSync(golden('small_transformer.onnx'), join(folder, 'model.onnx'));
    // As CLIPImageProcessor saves it.
    const configuration = {
      do_resize: true,
      size: { shortest_edge: 110 },
      resample: 3,
      do_center_crop: true,
      crop_size: { height: 96, width: 96 },
      do_rescale: true,
      rescale_factor: 0.00392156862745098,
      do_normalize: true,
      image_mean: [0.48, 0.45, 0.4],
      image_std: [0.26, 0.27, 0.28],
    };
    writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(configuration));
    const { description, program } = await open('', {
      path: join(folder, 'model.onnx'),
      preprocess: undefined,
    });
    await program.release();
    expect(description.preprocessing).toBe('0.48,0.45,0.4,0.26,0.27,0.28');
    expect(formatResize(description.resize)).toBe('crop 110 bicubic');
    expect(description.size).toEqual({ width: 96, height: 96 });
    expect(description.name).toBe('model.onnx');
    expect(description.weights).toBe(join(folder, 'model.onnx'));
  });
});

describe('what has to be said by a flag', () => {
  it.each<[string, string, Partial<ModelFileOptions>, RegExp]>([
    [
      'pixels',
      'small_transformer',
      { preprocess: undefined },
      /^Expected --preprocess as imagenet, half, none, or MEAN,STD .* for .*small_transformer.onnx, which has no preprocessor_config.json beside it, but received nothing$/,
    ],
    [
      'the size',
      'narrow_resnet',
      { poolings: ['map/avg'] },
      /^Expected WIDTHxHEIGHT \(.* takes images of any size\) for --size but received nothing/,
    ],
    [
      'another size',
      'small_transformer',
      { size: { width: 64, height: 96 } },
      /^Expected 96x96, which is fixed in .*, for --size but received "64x96"/,
    ],
    [
      'an output',
      'narrow_resnet',
      { size: { width: 64, height: 64 } },
      /^Expected one of the outputs map, features or another tensor of .* for --layer but received nothing \(permafrost backbones .*narrow_resnet.onnx --layers lists them\)$/,
    ],
    [
      'an output that is there',
      'small_transformer',
      { poolings: ['tokens/avg'] },
      /^Expected one of the outputs last_hidden_state or another tensor of .* for --layer but received "tokens"/,
    ],
    [
      'a pooling that there is',
      'narrow_resnet',
      { size: { width: 64, height: 64 }, poolings: ['map/cls'] },
      /^Expected avg, max, gem, flatten of map, which is a map of 80x2x2, for --pooling but received "cls"/,
    ],
    [
      'what features are',
      'narrow_resnet',
      { size: { width: 64, height: 64 }, poolings: ['features/max'] },
      /^Expected avg, flatten, pooler of features, which is 80 features, for --pooling but received "max"/,
    ],
  ])('%s', async (_, name, options, message) => {
    await expect(open(name, options)).rejects.toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) }),
    );
  });
});

describe('numbers beside a model', () => {
  const data = 'outside.onnx.data';

  it.each<[string, (folder: string, bytes: Buffer) => Buffer, RegExp]>([
    ['that are not there', (_, bytes) => bytes, /in its own folder but "outside.onnx.data" is not there/],
    [
      'that are cut short',
      (folder, bytes) => {
        writeFileSync(join(folder, data), readFileSync(golden(data)).subarray(0, 1000));
        return bytes;
      },
      /damaged: outside.onnx.data has 1000 bytes/,
    ],
    [
      'that are reached by climbing',
      (_, bytes) =>
        Buffer.from(
          bytes.toString('latin1').replaceAll(data, '../../etc/passwd'.padEnd(data.length, ' ')),
          'latin1',
        ),
      /own folder but "..\/..\/etc\/passwd *" leads out of it/,
    ],
    [
      'behind a link that leads away',
      (folder, bytes) => {
        symlinkSync(golden(data), join(folder, data));
        return bytes;
      },
      /leads out of it/,
    ],
  ])('%s are refused', async (_, change, message) => {
    const folder = newFolder();
    const path = join(folder, 'outside.onnx');
    writeFileSync(path, change(folder, readFileSync(golden('outside.onnx'))));
    await expect(open('', { path })).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringMatching(message) }),
    );
  });
});
