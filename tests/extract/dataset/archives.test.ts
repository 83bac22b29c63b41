/** Archives that mean no good: refused or read without what leads astray, in every format alike. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/extract/dataset/dataset.ts';
import { fileOf, folderOf, named } from '../../support/archives.ts';
import {
  BLOCK,
  gzipOfZeros,
  paxHeader,
  tarEntry,
  tarFile,
  tarHeader,
  type ZipFields,
  zipFile,
} from '../../support/invalid-archives.ts';

interface Entry {
  name: string;
  contents?: string;
  link?: string;
  /** A named pipe. */
  pipe?: boolean;
}

function zipEntry({ name, contents = '', link, pipe }: Entry): ZipFields {
  const bytes = Buffer.from(link ?? contents);
  const mode = link ? 0o120777 : pipe ? 0o010644 : 0o100644;
  return { name, contents: bytes, size: bytes.length, mode, crc: crc32(bytes) };
}

function asTar(entries: Entry[]): Buffer {
  return tarFile(
    ...entries.map(({ name, contents = '', link, pipe }) =>
      Buffer.concat([
        ...(name.length > 100 ? [paxHeader('path', name)] : []),
        tarEntry({ name, link, type: link ? '2' : pipe ? '6' : '0' }, contents),
      ]),
    ),
  );
}

const FORMATS: [string, (entries: Entry[]) => string][] = [
  ['zip', (entries) => fileOf('x.zip', zipFile(entries.map(zipEntry)))],
  ['tar', (entries) => fileOf('x.tar', asTar(entries))],
  ['tar.gz', (entries) => fileOf('x.tar.gz', gzipSync(asTar(entries)))],
];

async function read(data: string) {
  const { images, notes, source } = await openDataset({ data });
  const contents: Record<string, string> = {};
  for (const { path } of images)
    contents[path] = await source.read(path).then(String, (thrown: Error) => `! ${thrown.message}`);
  await source.close();
  return { contents, notes };
}

const refusal = (data: string) =>
  openDataset({ data }).then(
    async ({ source }) => {
      await source.close();
      return 'accepted';
    },
    (thrown: Error) => `${thrown.name}: ${thrown.message}`,
  );

describe.each(FORMATS)('%s', (_, made) => {
  it('says which entries it skipped', async () => {
    const { contents, notes } = await read(
      made([
        { name: 'a/1.png', contents: 'one' },
        { name: '../../b/2.png', contents: 'climbs' },
        { name: 'b/../../3.png', contents: 'climbs' },
        { name: '..\\4.png', contents: 'climbs' },
        { name: '/etc/5.png', contents: 'absolute' },
        { name: 'C:/6.png', contents: 'absolute' },
        { name: 'b/7.png', link: '/etc/passwd' },
        { name: 'b/8.png', pipe: true },
        { name: './b//9.png', contents: 'nine' },
      ]),
    );
    expect(contents).toEqual({ 'a/1.png': 'one', 'b/9.png': 'nine' });
    expect(notes).toEqual([
      'Entries with paths that lead out of the archive were skipped: "../../b/2.png" and 4 more',
      'Entries that are links were skipped: "b/7.png"',
      'Entries that are neither files nor folders (devices, sparse files) were skipped: "b/8.png"',
    ]);
  });

  it('takes the last of several entries of one path', async () => {
    const { contents, notes } = await read(
      made([
        { name: 'a/1.png', contents: 'first' },
        { name: 'b/2.png', contents: 'two' },
        { name: './a/1.png', contents: 'last' },
      ]),
    );
    expect(contents).toEqual({ 'a/1.png': 'last', 'b/2.png': 'two' });
    expect(notes).toEqual(['Entries with the path of an earlier one replace it: "./a/1.png"']);
  });

  it('passes over paths that would take for ever, at once', async () => {
    const started = performance.now();
    const deep = 'd/'.repeat(16_000);
    const { contents, notes } = await read(
      made([
        { name: 'a/1.png', contents: 'one' },
        ...['x', 'y', 'z'].map((name) => ({ name: `${deep}${name}.png` })),
      ]),
    );
    expect(contents).toEqual({ 'a/1.png': 'one' });
    expect(notes[0]).toMatch(
      /^Entries with paths of more than 4096 characters or 100 folders were skipped: "(d\/)+.* and 2 more$/,
    );
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('says what it held where nothing is left', async () => {
    expect(await refusal(made([{ name: '../1.png' }]))).toBe(
      `InputError: Expected images in x.${_} but found none in it. Entries with paths that lead out of the archive were skipped: "../1.png"`,
    );
    expect(await refusal(made([]))).toBe(`InputError: Expected images in x.${_} but found no file in it`);
  });
});

describe('a tar', () => {
  const PNG = tarEntry({ name: 'a/1.png' }, 'one');
  const rest = tarEntry({ name: 'b/2.png' }, 'two');

  it.each([
    '-512',
    '-1024',
    '-1536',
    '-1',
    '-9007199254740993',
    '1e999',
    'NaN',
    ' ',
    '0x200',
    '9'.repeat(400),
  ])('whose pax header claims %j bytes is read or refused at once', async (size) => {
    const answer = await refusal(fileOf('x.tar', tarFile(PNG, paxHeader('size', size), rest)));
    expect(answer).toMatch(/^(accepted$|InputError: Expected a tar archive but x\.tar is damaged)/);
    if (size.startsWith('-') || size.startsWith('9')) expect(answer).not.toBe('accepted');
  });

  const base256 = (...bytes: number[]) => Buffer.from([...bytes, ...Array(12 - bytes.length).fill(0xff)]);
  it.each([
    ['negative', base256(0xff, 0)],
    ['huge', base256(0x80, 0x7f)],
    ['of all bits', base256(0xbf)],
    ['no number', 'zzzzzzzzzzz\0'],
    ['beyond the end', '00000077777\0'],
    ['the most that octal digits hold', '77777777777\0'],
  ])('whose header claims a size that is %s is refused', async (_, size) => {
    const bytes = tarFile(PNG, Buffer.concat([tarHeader({ name: 'b/2.png', size }), rest]));
    expect(await refusal(fileOf('x.tar', bytes))).toMatch(
      /InputError: Expected a tar archive but x\.tar is damaged/,
    );
  });

  it.each(['x', 'g', 'L', 'K'])(
    'whose %s header claims to be negative or huge is refused or read',
    async (type) => {
      for (const size of [base256(0xff), base256(0x80, 0x7f), '77777777777\0', '00000000000\0']) {
        const bytes = tarFile(PNG, tarHeader({ name: 'long', type, size }), rest);
        expect(await refusal(fileOf('x.tar', bytes))).toMatch(
          /^(accepted|InputError: Expected a tar archive but x\.tar)/,
        );
      }
    },
  );

  it('may have long names of both kinds, prefixes, no magic, and numbers in base 256', async () => {
    const long = `${'d'.repeat(150)}/${'f'.repeat(120)}.png`;
    const bytes = tarFile(
      tarEntry({ name: '././@LongLink', type: 'L' }, `${long}\0`),
      tarEntry({ name: long.slice(0, 100) }, 'gnu'),
      paxHeader('path', `pax/${'p'.repeat(200)}.png`),
      tarEntry({ name: 'short.png' }, 'pax'),
      tarEntry({ name: '3.png', prefix: 'prefix/of/it' }, 'prefix'),
      tarEntry({ name: 'old/4.png', magic: '' }, 'v7'),
      tarEntry({ name: 'big/5.png', size: Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]) }, 'base'),
      tarEntry({ name: 'gnu/6.png', magic: 'ustar  \0' }, 'gnu tar'),
    );
    const { contents, notes } = await read(fileOf('x.tar', bytes));
    expect(contents).toEqual({
      [long]: 'gnu',
      [`pax/${'p'.repeat(200)}.png`]: 'pax',
      'prefix/of/it/3.png': 'prefix',
      'old/4.png': 'v7',
      'big/5.png': 'base',
      'gnu/6.png': 'gnu tar',
    });
    expect(notes).toEqual([expect.stringContaining('1 image lies in folders inside class folders')]);
  });

  it('may hold sparse files, which are skipped by name', async () => {
    const bytes = tarFile(
      PNG,
      tarEntry({ name: 'b/old.png', type: 'S' }, 'old GNU'),
      paxHeader('GNU.sparse.major', '1'),
      tarEntry({ name: 'b/GNUSparseFile.0/new.png' }, '1\n0\n512\n'),
      rest,
    );
    const { contents, notes } = await read(fileOf('x.tar', bytes));
    expect(contents).toEqual({ 'a/1.png': 'one', 'b/2.png': 'two' });
    expect(notes).toEqual([expect.stringMatching(/sparse files\) were skipped: "b\/old\.png" and 1 more$/)]);
  });

  it('ends with zeros, whatever follows them', async () => {
    const { contents } = await read(
      fileOf('x.tar', Buffer.concat([tarFile(PNG, rest), Buffer.alloc(700, 'x')])),
    );
    expect(contents).toEqual({ 'a/1.png': 'one', 'b/2.png': 'two' });
    for (const cut of [Buffer.concat([PNG, rest]), Buffer.concat([PNG, rest.subarray(0, BLOCK + 2)]), ''])
      expect(await refusal(fileOf('x.tar', cut))).toContain('x.tar is damaged');
  });

  it('is told from a compressed one by its bytes', async () => {
    expect((await read(fileOf('x.tar.gz', tarFile(PNG, rest)))).contents).toEqual({
      'a/1.png': 'one',
      'b/2.png': 'two',
    });
    expect((await read(fileOf('x.tar', gzipSync(tarFile(PNG, rest))))).contents).toHaveProperty(
      ['a/1.png'],
      'one',
    );
  });

  it('is listed by its headers: the contents of large files are not read', async () => {
    const data = fileOf('x.tar', tarHeader({ name: 'a/1.png', size: 2 ** 32 }));
    const file = openSync(data, 'r+');
    writeSync(file, Buffer.concat([rest, Buffer.alloc(2 * BLOCK)]), 0, undefined, 2 ** 32 + BLOCK);
    closeSync(file);
    const started = performance.now();
    const { contents } = await read(data);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(contents).toEqual({
      'a/1.png': '! an archive entry of 4294967296 bytes; at most 1073741824 are read',
      'b/2.png': 'two',
    });
  });
});

describe('a bomb is refused', () => {
  const packed = deflateRawSync(Buffer.alloc(2 ** 20));
  const million = { contents: packed, size: 2 ** 20, method: 8, crc: crc32(Buffer.alloc(2 ** 20)) };

  it('as zip, by what its entries claim together, even where they share their bytes', async () => {
    const entries = Array.from({ length: 200 }, (_, i) => ({
      ...million,
      name: `a/${i}.png`,
      offset: i ? 0 : undefined,
    }));
    const answer = await refusal(fileOf('x.zip', zipFile(entries)));
    expect(answer).toContain('at most 200 unpacked bytes for each packed one in x.zip but found');
    expect(answer).toContain('unpack it and give the folder');
    expect(await refusal(fileOf('x.zip', zipFile(entries.slice(0, 100))))).toBe('accepted');
  });

  it('as tar.gz, before it is unpacked, and without leaving anything', async () => {
    const { TMPDIR } = process.env;
    const [temporary, bomb] = [folderOf({}), fileOf('x.tar.gz', gzipOfZeros(2 ** 28))];
    process.env.TMPDIR = temporary;
    try {
      const answer = await refusal(bomb);
      expect(answer).toContain('at most 200 unpacked bytes for each packed one in x.tar.gz but found 134');
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
  });

  it('as an entry that unpacks to more than it claims', async () => {
    const liar = { ...million, name: 'a/1.png', size: 100 };
    const honest = { ...million, name: 'b/2.png' };
    const { contents } = await read(fileOf('x.zip', zipFile([liar, honest])));
    expect(contents['a/1.png']).toMatch(/^! too many bytes in the stream/);
    expect(contents['b/2.png']).toHaveLength(2 ** 20);
  });
});

describe('a zip', () => {
  it('lists entries that cannot be read with the reason', async () => {
    const bytes = Buffer.from('photo');
    const whole = { contents: bytes, size: 5, crc: crc32(bytes) };
    const { contents } = await read(
      fileOf(
        'x.zip',
        zipFile([
          { ...whole, name: 'a/whole.png' },
          { ...whole, name: 'a/flipped.png', crc: 1 },
          { ...whole, name: 'a/locked.png', flags: 0x801, contents: Buffer.alloc(17) },
          { ...whole, name: 'a/deflate64.png', method: 9 },
          { ...whole, name: 'a/unknown.png', method: 77 },
          { ...whole, name: 'a/elsewhere.png', offset: 1 },
        ]),
      ),
    );
    expect(contents).toMatchObject({
      'a/whole.png': 'photo',
      'a/flipped.png': '! damaged in the archive: its checksum differs',
      'a/locked.png': '! encrypted: unpack the archive with its password',
      'a/deflate64.png': '! compressed with Deflate64, which is not supported: unpack the archive',
      'a/unknown.png': '! compressed with method 77, which is not supported: unpack the archive',
      'a/elsewhere.png': expect.stringContaining('! invalid local file header signature'),
    });
  });
});

it.skipIf(process.platform === 'win32')('pipes in a folder are skipped, not waited for', async () => {
  const data = folderOf(named(['a/1.jpg', 'b/2.jpg']));
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(data, 'a', 'pipe.jpg')]);
  symlinkSync(join(data, 'a', 'pipe.jpg'), join(data, 'b', 'link.jpg'));
  const { images, notes } = await openDataset({ data });
  expect(images.map(({ path }) => path)).toEqual(['a/1.jpg', 'b/2.jpg']);
  expect(notes).toEqual([expect.stringMatching(/skipped: "pipe\.jpg", "link\.jpg"/)]);
});
