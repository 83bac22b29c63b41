/** Archives whose bytes changed, by accident or by intent: each is read or refused by name, at once. */
import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { type Dataset, openDataset } from '../../../src/extract/dataset/dataset.ts';
import { type Random, random } from '../../../src/shared/random.ts';
import { newFolder } from '../folders.ts';
import { BLOCK, withChecksum } from '../invalid-archives.ts';
import { fuzzBytes } from './bytes.ts';

/** Each opens in milliseconds; a machine under load may take longer. */
const MAX_MS = 10_000;

/** Fields of a tar header, and what may stand in them. */
const TAR_FIELDS: [offset: number, length: number][] = [
  ...([
    [0, 100],
    [100, 8],
    [124, 12],
    [136, 12],
    [156, 1],
    [157, 100],
    [257, 8],
    [345, 155],
  ] as [number, number][]),
  ...([
    [124, 12],
    [156, 1],
    [482, 1],
  ] as [number, number][]),
];
const EXTREMES = [
  '',
  '0',
  '-1',
  '-512',
  '7'.repeat(12),
  '77777777777\0',
  '00000000777\0',
  ' '.repeat(12),
  '9e99',
  '../../x.png',
  '/etc/passwd',
  'C:\\x.png',
  'a/\0/b.png',
  'ustar  \0',
  'ustar\u000000',
  'x',
  'g',
  'L',
  'K',
  'S',
  'V',
  'M',
  'D',
  '1',
  '5',
  '7',
].map((text) => Buffer.from(text, 'latin1'));
const BINARY = [[0x80], [0x81], [0xbf], [0xff], [0xff, 0], [0x80, 0x7f], [0x80, 0, 0, 0, 0x7f]].map((bytes) =>
  Buffer.from([...bytes, ...Array(12 - bytes.length).fill(0xff)]),
);
const RECORDS = [
  '13 size=-512\n',
  '12 size=1e9\n',
  '99999999999 path=x\n',
  '-5 a=b\n',
  '0 a=b\n',
  '10 path=\n',
  '9 size=9\n',
  '22 GNU.sparse.size=99\n',
  '19 path=../../x.png\n',
  '14 path=/x.png\n',
  '20 __proto__=polluted\n',
  '7 size=',
].map((text) => Buffer.from(text));

function changedTar(original: Buffer, stream: Random): Buffer {
  const bytes = Buffer.from(original);
  for (let count = stream.integer(3); count >= 0; count--) {
    const block = bytes.subarray(stream.integer(bytes.length / BLOCK) * BLOCK).subarray(0, BLOCK);
    const isHeader = block.toString('latin1', 257, 262) === 'ustar';
    if (!isHeader) {
      RECORDS[stream.integer(RECORDS.length)].copy(block);
      continue;
    }
    const [offset, length] = TAR_FIELDS[stream.integer(TAR_FIELDS.length)];
    const values = length === 12 && stream.integer(2) ? BINARY : EXTREMES;
    block.fill(0, offset, offset + length);
    values[stream.integer(values.length)].copy(block, offset, 0, length);
    withChecksum(block);
  }
  return bytes;
}

const NUMBERS = [0, 1, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

function changedZip(original: Buffer, stream: Random): Buffer {
  const bytes = Buffer.from(original);
  const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  for (let count = stream.integer(4); count >= 0; count--) {
    const number = NUMBERS[stream.integer(NUMBERS.length)];
    const offset = directory + stream.integer(bytes.length - directory - 4);
    if (stream.integer(2)) bytes.writeUInt16LE(number & 0xffff, offset);
    else bytes.writeUInt32LE(number, offset);
  }
  return bytes;
}

/**
 * Opens damaged copies of an archive, half of them changed anywhere, half in fields that matter.
 * @returns how many of them were refused
 */
export async function fuzzArchive(file: string, original: Buffer, count: number): Promise<number> {
  const folder = newFolder();
  const path = join(folder, basename(file));
  const stream = random(1, basename(file));
  const change = file.endsWith('.zip') ? changedZip : changedTar;
  let refused = 0;
  for (let index = 0; index < count; index++) {
    writeFileSync(path, index % 2 ? fuzzBytes(original, stream) : change(original, stream));
    const started = performance.now();
    const outcome: unknown = await openDataset({ data: path }).catch((thrown: unknown) => thrown);
    if (outcome instanceof Error) {
      expect(outcome, `damage ${index}: ${outcome.stack}`).toMatchObject({ name: 'InputError' });
      expect(outcome.message).toContain(basename(file));
      refused++;
    } else await readAll(outcome as Dataset);
    expect(performance.now() - started, `damage ${index}`).toBeLessThan(MAX_MS);
  }
  rmSync(folder, { recursive: true });
  return refused;
}

/** Every image is read or says why not, and none lies outside the archive. */
async function readAll({ images, source }: Dataset): Promise<void> {
  for (const { path } of images) {
    expect(path.split('/')).not.toContain('..');
    expect(path).not.toMatch(/^\/|\0/);
    await source.read(path).catch((thrown: unknown) => expect(thrown).toBeInstanceOf(Error));
  }
  await source.close();
}
