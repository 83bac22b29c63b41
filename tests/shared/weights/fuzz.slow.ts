/** A hundred damaged weight files of each format, opened by the built reader in a process of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import h5wasm, { type Group } from 'h5wasm/node';
import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../src/shared/weights/safetensors.ts';
import type { LayerWeights } from '../../../src/shared/weights/source.ts';
import { permafrost } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { fuzzModelFile } from '../../support/fuzz/model-files.ts';
import { expectRefusals, type Outcome } from '../../support/fuzz/outcomes.ts';

const LAYERS: LayerWeights[] = Array.from({ length: 6 }, (_, index) => ({
  layer: `conv${index}`,
  kind: 'conv2d',
  weights: [
    { name: 'kernel', shape: [3, 3, 8, 8] },
    { name: 'bias', shape: [8] },
  ],
}));
const COUNT = 100;

const folder = newFolder();

const filled = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);

function legacyFile(path: string): void {
  const file = new h5wasm.File(path, 'w');
  file.create_attribute(
    'layer_names',
    LAYERS.map(({ layer }) => layer),
  );
  for (const { layer, weights } of LAYERS) {
    const group = file.create_group(layer) as Group;
    group.create_attribute(
      'weight_names',
      weights.map(({ name }) => `${name}:0`),
    );
    for (const { name, shape } of weights)
      group.create_dataset({ name: `${name}:0`, data: filled(shape), shape: [...shape] });
  }
  file.close();
}

function numberedFile(path: string): void {
  const file = new h5wasm.File(path, 'w');
  const container = file.create_group('layers') as Group;
  LAYERS.forEach(({ weights }, index) => {
    const layer = container.create_group(index === 0 ? 'conv2d' : `conv2d_${index}`) as Group;
    const vars = layer.create_group('vars') as Group;
    weights.forEach(({ shape }, position) => {
      vars.create_dataset({ name: String(position), data: filled(shape), shape: [...shape] });
    });
  });
  file.close();
}

/** A zip archive of one stored file, as Keras writes it. */
function zipped(name: string, content: Buffer): Buffer {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), content]);
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00'),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** Whole files by extension. */
const whole = new Map<string, Buffer>();
/** The arrays of the TensorFlow.js model, whose model.json holds none. */
const shard = Buffer.concat(
  LAYERS.flatMap(({ weights }) => weights.map(({ shape }) => Buffer.from(filled(shape).buffer))),
);

function tfjsModel(): Buffer {
  const weights = LAYERS.flatMap(({ layer, weights }) =>
    weights.map(({ name, shape }) => ({ name: `${layer}/${name}`, shape, dtype: 'float32' })),
  );
  const weightsManifest = [{ paths: ['shard.bin'], weights }];
  return Buffer.from(JSON.stringify({ format: 'layers-model', modelTopology: {}, weightsManifest }));
}

const photos = join(folder, 'photos');

beforeAll(async () => {
  for (const name of ['a', 'b']) {
    mkdirSync(join(photos, name), { recursive: true });
    const image = {
      create: { width: 40, height: 30, channels: 3, background: name === 'a' ? 'red' : 'blue' },
    } as const;
    await sharp(image).toFile(join(photos, name, 'photo.png'));
  }
  await h5wasm.ready;
  const path = join(folder, 'made.h5');
  legacyFile(path);
  whole.set('.h5', readFileSync(path));
  numberedFile(path);
  whole.set('.weights.h5', readFileSync(path));
  whole.set('.keras', zipped('model.weights.h5', whole.get('.weights.h5')!));
  const arrays = LAYERS.flatMap(({ layer, weights }) =>
    weights.map(({ name, shape }) => [`${layer}/${name}`, { shape, data: filled(shape) }] as const),
  );
  whole.set('.safetensors', Buffer.from(encodeSafetensors(arrays)));
  whole.set('.json', tfjsModel());
  writeFileSync(join(folder, 'layers.json'), JSON.stringify(LAYERS));
});

/** Opens all files of a folder in one process after another, a new one behind each file whose reading does not end. */
function openAll(files: string): { outcomes: Outcome[]; endless: string[] } {
  const program = fileURLToPath(new URL('../../support/fuzz/open-weights.js', import.meta.url));
  const outcomes: Outcome[] = [];
  const endless: string[] = [];
  for (;;) {
    const done = [...outcomes.map(({ name }) => name), ...endless];
    const options = { encoding: 'utf8', timeout: 30_000, input: JSON.stringify(done) } as const;
    const { stdout, status } = spawnSync(
      process.execPath,
      [program, files, join(folder, 'layers.json')],
      options,
    );
    const lines = stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    outcomes.push(...lines.filter(({ name }) => name));
    if (status === 0) return { outcomes, endless };
    endless.push(lines.at(-1).starts);
  }
}

it.each(['.h5', '.weights.h5', '.keras', '.safetensors', '.json'])(
  'damaged %s files are refused by name, or read',
  async (extension) => {
    const bytes = whole.get(extension)!;
    const files = join(folder, `files${extension}`);
    mkdirSync(files);
    writeFileSync(join(files, `whole${extension}`), bytes);
    if (extension === '.json') writeFileSync(join(files, 'shard.bin'), shard);
    for (let index = 0; index < COUNT; index++) {
      const isShard = extension === '.json' && index % 8 === 4;
      const model = isShard
        ? Buffer.from(bytes.toString().replace('shard', `damaged${index}`))
        : fuzzModelFile(bytes, index);
      if (isShard) writeFileSync(join(files, `damaged${index}.bin`), fuzzModelFile(shard, index));
      writeFileSync(join(files, `damaged${index}${extension}`), model);
    }
    const { outcomes, endless } = openAll(files);
    expect(outcomes.length + endless.length).toBe(COUNT + 1);
    // Of these formats, none has a checksum for its numbers.
    expectRefusals(outcomes, `whole${extension}`, 0.6);
    // The HDF5 library does not come back from some: the command ends it.
    expect(endless.length).toBeLessThan(5);
    for (const name of endless.slice(0, 1)) {
      const args = [
        'extract',
        '--data',
        photos,
        '--backbone',
        'mobilenet_0.25',
        '--weights',
        join(files, name),
      ];
      const started = performance.now();
      const { status, stderr } = await permafrost([...args, '--out', join(folder, 'out')]);
      console.log(`${name}: ended by the command after ${(performance.now() - started).toFixed(0)} ms`);
      expect(status).toBe(1);
      expect(stderr).toContain(`${name}, but they are damaged: reading them does not end`);
    }
  },
);
