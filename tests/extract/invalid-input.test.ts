/** Manifests, weights and drawings that cannot be used, given to the built command. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import h5wasm, { type Group } from 'h5wasm/node';
import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const folder = newFolder();
const OUT = ['--out', join(folder, 'store'), '--size', '32x32'];
beforeAll(async () => {
  await h5wasm.ready;
  for (const name of ['a', 'b']) {
    const image = sharp({
      create: { width: 40, height: 40, channels: 3, background: name === 'a' ? 'red' : 'green' },
    });
    mkdirSync(join(folder, 'photos', name), { recursive: true });
    await image.jpeg().toFile(join(folder, 'photos', name, `${name}.jpg`));
  }
});

async function refused(args: string[]): Promise<string> {
  const { status, stdout, stderr } = await permafrost(['extract', ...args, ...OUT]);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(STACK_TRACE);
  return stderr;
}

function manifest(name: string, lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

it('a manifest whose columns say nothing about labels', async () => {
  const path = manifest('columns.csv', ['picture,colour', 'photos/a/a.jpg,red']);
  const message = await refused(['--data', path]);
  expect(message).toContain('columns.csv');
  expect(message).toContain('picture');
});

it('a manifest with the same image twice', async () => {
  const path = manifest('twice.csv', [
    'path,label',
    'photos/a/a.jpg,red',
    'photos/b/b.jpg,green',
    'photos/a/a.jpg,blue',
  ]);
  const message = await refused(['--data', path]);
  expect(message).toContain('photos/a/a.jpg');
  expect(message).toMatch(/line 4|row 3/);
});

it('a manifest none of whose files is there', async () => {
  const path = manifest('missing.csv', ['path,label', 'x.jpg,red', 'y.jpg,green']);
  expect(await refused(['--data', path])).toContain('None of the 2 images can be used');
});

it('weights of another network: names the layer, the shape expected and the shape found', async () => {
  const path = join(folder, 'another.h5');
  const file = new h5wasm.File(path, 'w');
  file.create_attribute('layer_names', ['block1_conv1']);
  const layer = file.create_group('block1_conv1') as Group;
  layer.create_attribute('weight_names', ['block1_conv1/kernel:0', 'block1_conv1/bias:0']);
  const inner = layer.create_group('block1_conv1') as Group;
  inner.create_dataset({ name: 'kernel:0', data: new Float32Array(5 * 5 * 3 * 8), shape: [5, 5, 3, 8] });
  inner.create_dataset({ name: 'bias:0', data: new Float32Array(8), shape: [8] });
  file.close();
  const message = await refused(['--data', join(folder, 'photos'), '--backbone', 'vgg16', '--weights', path]);
  expect(message).toContain('block1_conv1');
  expect(message).toContain('3x3x3x64');
  expect(message).toContain('5x5x3x8');
});

it('weights that are no HDF5 file', async () => {
  const path = join(folder, 'text.h5');
  writeFileSync(path, 'these are no weights');
  const message = await refused(['--data', join(folder, 'photos'), '--backbone', 'vgg16', '--weights', path]);
  expect(message).toContain('text.h5');
  expect(message).toContain('HDF5');
});

it('drawings that ask for other files are listed, not opened', async () => {
  const data = newFolder();
  mkdirSync(join(data, 'a'));
  const secret = join(newFolder(), 'secret.png');
  for (const [background, path] of [
    ['red', join(data, 'a', '0.png')],
    ['green', join(data, 'a', '1.png')],
    ['blue', secret],
  ]) {
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background } });
    await image.png().toFile(path);
  }
  writeFileSync(join(data, 'a', 'x.png'), `<svg width="9" height="9"><image href="file://${secret}"/></svg>`);
  const out = join(newFolder(), 'store');
  const flags = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '32x32', '--json'];
  const { status, summary } = await permafrost(['extract', '--data', data, '--out', out, ...flags]);
  expect(status).toBe(0);
  expect(summary).toMatchObject({ images: 3, computed: 2, failed: 1 });
  expect(JSON.parse(readFileSync(join(out, 'errors.jsonl'), 'utf8'))).toEqual({
    path: 'a/x.png',
    reason: 'SVG is a drawing: render it to pixels first',
  });
});
