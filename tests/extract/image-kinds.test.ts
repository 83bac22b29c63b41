/** Images that are decoded, but not as they stand, and images that are not decoded: both are said by name. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { photo } from '../support/class-folders.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const GOLDEN = new URL('../shared/images/golden/files.json', import.meta.url);
const folder = newFolder();
const data = join(folder, 'photos');
const out = join(folder, 'store');

beforeAll(async () => {
  const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as { name: string; file: string }[];
  const bytes = (name: string) => Buffer.from(golden.find((file) => file.name === name)!.file, 'base64');
  const files: Record<string, Buffer> = {
    'a/1.jpg': await photo(1),
    'a/2.jfif': await photo(2),
    'b/3.jpg': await photo(3),
    'a/microscope.tif': bytes('tiff-16uses12-grey-mm'),
    'b/microscope.png': bytes('png-rgb16-uses12'),
    'b/float.tif': bytes('tiff-predictor3-deflate-one'),
    'a/tile.tif': bytes('tiff-rgb-lzw-tiles-cut60'),
    'a/old.bmp': Buffer.from('BM\0\0\0\0'),
    'b/phone.heic': Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
    'b/scan.jp2': Buffer.from('0000000c6a5020200d0a870a', 'hex'),
    'b/notes.txt': Buffer.from('no image'),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(data, name)), { recursive: true });
    writeFileSync(join(data, name), content);
  }
});

it('extract lists what it cannot use one by one, and warns of what it does not take as it stands', async () => {
  const { status, stderr } = await permafrost(['extract', '--data', data, '--out', out, '--size', '32x32']);
  expect(status).toBe(0);
  expect(stderr).toContain(
    '2 of 10 images have samples of 16 bits of which 12 are used, read as 12-bit samples: a/microscope.tif, b/microscope.png',
  );
  expect(stderr).toContain('1 of 10 images has float samples read as grey levels from 0 to 1: b/float.tif');
  const errors = readFileSync(join(out, 'errors.jsonl'), 'utf8').trim().split('\n');
  expect(errors.map((line) => JSON.parse(line) as unknown)).toEqual([
    { path: 'a/old.bmp', reason: 'BMP is not supported: convert it to PNG' },
    { path: 'a/tile.tif', reason: 'truncated TIFF' },
    { path: 'b/phone.heic', reason: 'HEIC is not supported: convert it to JPEG' },
    { path: 'b/scan.jp2', reason: 'JPEG 2000 is not supported: convert it to JPEG or PNG' },
  ]);
});
