/** Names of classes and files: one in every Unicode form, never two in one, and the files that they mean. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const SMALL = ['--weights', 'none', '--backbone', 'mobilenet_0.25', '--size', '32x32', '--json'];
const NFC = 'Caf\u00e9';
const NFD = 'Cafe\u0301';

function tree(files: Record<string, string | Buffer>): string {
  const root = newFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

const rowsOf = ({ images }: Awaited<ReturnType<typeof openDataset>>) =>
  images.map(({ path, labels, split }) => [path, labels.join('|'), split]);

/** Entries by their names, or the bytes of their names, which then say no encoding. */
async function zip(entries: readonly (readonly [name: string | Buffer, content: string])[]): Promise<string> {
  const archive = new ZipFile();
  const file = join(newFolder(), 'photos.zip');
  for (const [name, content] of entries) {
    archive.addBuffer(Buffer.from(content), typeof name === 'string' ? name : 'x'.repeat(name.length));
    if (typeof name === 'string') continue;
    const [entry] = (
      archive as unknown as { entries: { utf8FileName: Buffer; getCentralDirectoryRecord(): Buffer }[] }
    ).entries.slice(-1);
    entry.utf8FileName = name;
    const record = entry.getCentralDirectoryRecord.bind(entry);
    entry.getCentralDirectoryRecord = () => {
      const bytes = record();
      bytes.writeUInt16LE(bytes.readUInt16LE(8) & ~0x800, 8);
      return bytes;
    };
  }
  archive.end();
  await pipeline(archive.outputStream as Readable, createWriteStream(file));
  return file;
}

describe('a class', () => {
  it('is one in both Unicode forms, across splits', async () => {
    const dataset = await openDataset({
      data: tree({
        [`train/${NFC}/1.jpg`]: '',
        'train/b/2.jpg': '',
        [`test/${NFD}/3.jpg`]: '',
        'test/b/4.jpg': '',
      }),
    });
    expect(dataset.classes).toEqual([NFC, 'b']);
    expect(dataset.images.find(({ path }) => path.includes('3.jpg'))).toMatchObject({
      path: `test/${NFD}/3.jpg`,
      labels: [NFC],
      split: 'test',
    });
  });

  it('that all splits have in another form is no reason to refuse them', async () => {
    const data = tree({ [`train/${NFC}/1.jpg`]: '', [`test/${NFD}/2.jpg`]: '' });
    expect((await openDataset({ data })).classes).toEqual([NFC]);
  });

  it('is one in a folder, a glob, a list and an archive', async () => {
    const root = tree({ [`${NFC}/1.jpg`]: '', [`${NFD}/2.jpg`]: '', 'b/3.jpg': '' });
    const stdin = () => Readable.from([`${NFC}/1.jpg\n${NFD}/2.jpg\n`]);
    const datasets = [
      await openDataset({ data: root }),
      await openDataset({ data: '*/*.jpg', root }),
      await openDataset({ data: '-', root, stdin: stdin() }),
      await openDataset({
        data: await zip([
          [`${NFC}/1.jpg`, ''],
          [`${NFD}/2.jpg`, ''],
          ['b/3.jpg', ''],
        ]),
      }),
    ];
    for (const { images } of datasets)
      for (const { labels } of images.slice(0, 2).filter(({ path }) => !path.startsWith('b')))
        expect(labels).toEqual([NFC]);
  });

  it('that differs from another by its case only is said by name', async () => {
    const { notes } = await openDataset({
      data: tree({ 'Cat/1.jpg': '', 'cat/2.jpg': '', 'nan/3.jpg': '' }),
    });
    expect(notes).toEqual([
      'Classes that differ only in upper and lower case: "Cat" and "cat". Are they the same?',
      'Classes named as if there were no label: "nan". An empty cell means none',
    ]);
  });

  it('keeps its place among numbers', async () => {
    const { classes } = await openDataset({ data: tree({ '2/1.jpg': '', '10/2.jpg': '', '1/3.jpg': '' }) });
    expect(classes).toEqual(['1', '10', '2']);
  });
});

describe.skipIf(process.platform !== 'linux')('a name that is no UTF-8', () => {
  const rename = (root: string, from: string, to: string) =>
    execFileSync('bash', ['-c', `cd "$1" && mv "$2" "$(printf '${to}')"`, 'bash', root, from]);

  it('of a class folder is refused: two of them would be one', async () => {
    const root = tree({ 'one/1.jpg': '', 'two/2.jpg': '' });
    rename(root, 'one', 'caf\\xe9');
    rename(root, 'two', 'caf\\xe8');
    await expect(openDataset({ data: root })).rejects.toThrow(
      /Expected names in UTF-8 for .* but received "caf\ufffd": rename it/,
    );
  });

  it('of an image is listed with that reason', async () => {
    const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const root = tree({ 'a/1.png': image, 'a/2.png': image, 'b/3.png': image });
    rename(root, 'a/1.png', 'a/caf\\xe9.png');
    const out = join(newFolder(), 'store');
    const { summary } = await permafrost(['extract', '--data', root, '--out', out, ...SMALL]);
    expect(summary).toMatchObject({ images: 3, failed: 1 });
    expect(JSON.parse(readFileSync(join(out, 'errors.jsonl'), 'utf8')).reason).toBe(
      'no such file (its name is not UTF-8: rename it)',
    );
  });

  it('of an archive is refused', async () => {
    const root = tree({ 'one/1.jpg': '', 'two/2.jpg': '' });
    rename(root, 'one', 'caf\\xe9');
    const file = join(newFolder(), 'photos.tar');
    execFileSync('tar', ['-cf', file, '--format=ustar', '-C', root, '.']);
    await expect(openDataset({ data: file })).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining('UTF-8'),
    });
  });
});

describe('a zip archive', () => {
  it('of macOS, which says no encoding, has names in UTF-8', async () => {
    const file = await zip([
      [Buffer.from(`${NFD}/1.jpg`), 'one'],
      ['b/2.jpg', 'two'],
    ]);
    const dataset = await openDataset({ data: file });
    expect(rowsOf(dataset)).toEqual([
      [`${NFD}/1.jpg`, NFC, null],
      ['b/2.jpg', 'b', null],
    ]);
    expect(dataset.notes).toEqual([]);
    expect(String(await dataset.source.read(`${NFD}/1.jpg`))).toBe('one');
    await dataset.source.close();
  });

  it('with names in another encoding says how they are read', async () => {
    const file = await zip([
      [Buffer.from([0x63, 0x61, 0x66, 0x82, 0x2f, 0x31, 0x2e, 0x6a, 0x70, 0x67]), ''],
      ['b/2.jpg', ''],
    ]);
    const dataset = await openDataset({ data: file });
    expect(dataset.classes).toEqual(['b', 'café']);
    expect(dataset.notes).toEqual([
      'photos.zip does not say the encoding of 1 name, such as "café/1.jpg": read as code page 437',
    ]);
    await dataset.source.close();
  });

  it('may have a manifest in another Unicode form than its files', async () => {
    const file = await zip([
      ['list.csv', `path,label\n${NFC}.jpg,x\nsub\\b.jpg,y\n`],
      [`${NFD}.jpg`, 'one'],
      ['sub/b.jpg', 'two'],
    ]);
    const { images, source } = await openDataset({ data: file });
    expect(images.map(({ path }) => path)).toEqual([`${NFC}.jpg`, 'sub/b.jpg']);
    expect(String(await source.read(`${NFC}.jpg`))).toBe('one');
    expect(String(await source.read('sub/b.jpg'))).toBe('two');
    await source.close();
  });
});

describe('a path of a manifest', () => {
  const files = { [`${NFD}/${NFD}.jpg`]: 'one', 'sub/b.jpg': 'two' };

  it('means its file in either Unicode form, and stays as it was written', async () => {
    const root = tree({ ...files, 'list.csv': `path,label\n${NFC}/${NFC}.jpg,x\n` });
    const { images, source } = await openDataset({ data: join(root, 'list.csv') });
    expect(images[0].path).toBe(`${NFC}/${NFC}.jpg`);
    expect(source.fileOf?.(images[0].path)).toBe(join(root, `${NFD}/${NFD}.jpg`));
    expect(String(await source.read(images[0].path))).toBe('one');
  });

  it('may not name an image in both forms', async () => {
    const root = tree({ ...files, 'list.csv': `path,label\n${NFC}/${NFC}.jpg,x\n${NFD}/${NFD}.jpg,y\n` });
    await expect(openDataset({ data: join(root, 'list.csv') })).rejects.toThrow('again (first on line 2)');
  });

  it.skipIf(process.platform === 'win32')('may have backslashes, unless a file is called so', async () => {
    const root = tree({
      ...files,
      'odd\\name.jpg': 'odd',
      'list.csv': 'path,label\nsub\\b.jpg,x\nodd\\name.jpg,y\n',
    });
    const { images, source } = await openDataset({ data: join(root, 'list.csv') });
    expect(images.map(({ path }) => path)).toEqual(['sub/b.jpg', 'odd\\name.jpg']);
    expect(String(await source.read('odd\\name.jpg'))).toBe('odd');
    writeFileSync(join(root, 'list.csv'), 'path,label\n..\\..\\b.jpg,x\n');
    await expect(openDataset({ data: join(root, 'list.csv') })).rejects.toThrow('Expected a path inside');
  });

  it('that leads to nothing is listed with the names that are near', async () => {
    const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const root = tree({
      'ISIC_1.png': image,
      'Two.PNG': image,
      'ok.png': image,
      'list.csv': 'path,label\nISIC_1,x\ntwo.png,y\nok.png,x\nnothing,y\n',
    });
    const out = join(newFolder(), 'store');
    const run = (folder: string) =>
      permafrost(['extract', '--data', join(root, 'list.csv'), '--out', folder, ...SMALL]);
    expect((await run(out)).summary).toMatchObject({ computed: 1, failed: 3 });
    const failures = readFileSync(join(out, 'errors.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(failures).toEqual([
      { path: 'ISIC_1', reason: 'no such file (there is ISIC_1.png)' },
      { path: 'two.png', reason: 'no such file (there is Two.PNG)' },
      { path: 'nothing', reason: 'no such file' },
    ]);
    writeFileSync(join(root, 'list.csv'), 'path,label\nISIC_1,x\ntwo.png,y\n');
    const { status, stderr } = await run(join(newFolder(), 'store'));
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /None of the 2 images can be used; ISIC_1: no such file \(there is ISIC_1\.png\)$/m,
    );
  });
});
