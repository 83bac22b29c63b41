/** The other ways in which people keep data sets: archives, tables, globs, lists. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type DatasetOptions, openDataset } from '../../src/extract/dataset/dataset.ts';
import { newFolder } from '../support/folders.ts';

const golden = (name: string) => fileURLToPath(new URL(`./golden/${name}`, import.meta.url));

function tree(files: string[]): string {
  const root = newFolder();
  for (const name of files) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '');
  }
  return root;
}

/** Path, labels and the red of each image, which say that the right bytes were read. */
async function contentOf(options: DatasetOptions) {
  const { images, source } = await openDataset(options);
  const rows: [path: string, labels: string, red: number][] = [];
  for (const { path, labels } of images) {
    const { data } = await sharp(await source.read(path))
      .raw()
      .toBuffer({ resolveWithObject: true });
    rows.push([path, labels.join('|'), data[0]]);
  }
  await source.close();
  return rows;
}

const LONG =
  'a class with a name that is longer than the hundred bytes that the header of a tar archive has room for, a class with a name that is longer than the h';

describe('an archive', () => {
  it.each(['wrapped.zip', 'pax.tar', 'gnu.tar.gz'])('of class folders: %s', async (name) => {
    const rows = await contentOf({ data: golden(name) });
    expect(rows).toEqual([
      [`${LONG}/4.png`, LONG, 120],
      ['a/1.png', 'a', 30],
      ['a/ü 2.png', 'a', 60],
      ['b/3.png', 'b', 90],
    ]);
  });

  it('with a manifest on top', async () => {
    expect(await contentOf({ data: golden('listed.zip') })).toEqual([
      ['1.png', 'red|big', 30],
      ['sub/2.png', 'red', 60],
    ]);
  });

  it('all of whose paths climb out is refused', async () => {
    await expect(openDataset({ data: golden('climbing.zip') })).rejects.toThrow(
      'Expected images in climbing.zip but found none in it. Entries with paths that lead out of the archive were skipped: "../a/1.png"',
    );
  });

  it.each(['wrapped.zip', 'pax.tar', 'gnu.tar.gz', 'images.parquet'])(
    'that is cut short is refused: %s',
    async (name) => {
      const root = tree([]);
      cpSync(golden(name), join(root, name));
      truncateSync(join(root, name), Math.floor(readFileSync(join(root, name)).length * 0.3));
      await expect(openDataset({ data: join(root, name) })).rejects.toMatchObject({ name: 'InputError' });
    },
  );
});

describe('a table with image bytes', () => {
  it.each(['images.parquet', 'images.arrow'])('as Hugging Face keeps it: %s', async (name) => {
    expect(await contentOf({ data: golden(name) })).toEqual(
      ['daisy', 'rose', 'daisy', 'rose', 'daisy'].map((label, i) => [`row-000000${i}`, label, i * 30]),
    );
  });

  it('may have its label in another column', async () => {
    const { images } = await openDataset({ data: golden('images.parquet'), columns: { label: 'width' } });
    expect(images[0].labels).toEqual(['8']);
  });
});

describe('a glob', () => {
  it('labels images by the folder they lie in', async () => {
    const root = tree([
      'x/a/1.jpg',
      'x/a/2.PNG',
      'x/b/3.jpg',
      'x/b/notes.txt',
      'x/.hidden/4.jpg',
      'y/c/5.jpg',
    ]);
    const { images, notes, source } = await openDataset({ data: 'x/**', root });
    expect(images.map(({ path, labels }) => [path, ...labels])).toEqual([
      ['x/a/1.jpg', 'a'],
      ['x/a/2.PNG', 'a'],
      ['x/b/3.jpg', 'b'],
    ]);
    expect(notes).toEqual([
      'Labels are names of folders in "x/"',
      '1 file that is no image by name was skipped: .txt',
    ]);
    expect(source.fileOf?.('x/a/1.jpg')).toBe(join(root, 'x/a/1.jpg'));
    await expect(openDataset({ data: '../*/*/*.jpg', root: join(root, 'x') })).rejects.toThrow(
      'a path inside',
    );
    await expect(openDataset({ data: 'z/*.jpg', root })).rejects.toThrow('found no file');
  });
});

describe('a list on stdin', () => {
  const list = (text: string, root: string) => openDataset({ data: '-', root, stdin: Readable.from([text]) });

  it('names images, one a line', async () => {
    const root = tree(['a/1.jpg', 'b/2']);
    const { images } = await list('b/2\r\na/1.jpg\n./a/1.jpg\n\n', root);
    expect(images.map(({ path, labels }) => [path, ...labels])).toEqual([
      ['b/2', 'b'],
      ['a/1.jpg', 'a'],
    ]);
  });

  it('is refused when it is empty or leads out of the root', async () => {
    const root = tree([]);
    await expect(list('\n', root)).rejects.toThrow('Expected paths of images on stdin');
    await expect(list('a.jpg\n../b.jpg\n', root)).rejects.toThrow(
      'for line 2 of stdin but received "../b.jpg"',
    );
  });
});

describe('a manifest', () => {
  const manifest = (content: string, options: Partial<DatasetOptions> = {}) => {
    const data = join(tree([]), 'list.csv');
    writeFileSync(data, content);
    return openDataset({ data, ...options });
  };

  it('is read by the columns that flags name, passing over the others', async () => {
    const { images, notes } = await manifest(
      'id,img,species,patient,width\n1,a.jpg,x;y,7,640\n2,b.jpg,y,8,480\n',
      {
        columns: { path: 'img', label: 'species', group: 'patient' },
        separator: ';',
      },
    );
    expect(images).toEqual([
      { path: 'a.jpg', labels: ['x', 'y'], split: null, group: '7' },
      { path: 'b.jpg', labels: ['y'], split: null, group: '8' },
    ]);
    expect(notes).toEqual(['Columns: path "img", label "species", group "patient", skipped "id", "width"']);
  });

  it.each(['weight', 'Weights', 'sample_weight', 'Sample Weight'])(
    'may weigh its images: %s',
    async (name) => {
      const { images } = await manifest(`path,label,${name}\na.jpg,x,0.1\nb.jpg,y,\nc.jpg,y,2e1\n`);
      expect(images.map(({ weight }) => weight)).toEqual([Math.fround(0.1), 1, 20]);
      const named = await manifest('path,label,w\na.jpg,x,3\n', { columns: { label: 'label', weight: 'w' } });
      expect(named.images.map(({ weight }) => weight)).toEqual([3]);
    },
  );

  it.each([
    ['path,label,weight\na.jpg,x,heavy\n', 'line 2, column weight but received "heavy"'],
    ['path,label,weight\na.jpg,x,-1\n', 'line 2, column weight but received "-1"'],
    ['path,label,weight\na.jpg,x,1e99\n', 'line 2, column weight but received "1e99"'],
    ['path,label,weight,sample_weight\na.jpg,x,1,1\n', 'Expected one weight column'],
  ])('%j does not weigh them', async (content, message) => {
    await expect(manifest(content)).rejects.toThrow(message);
  });

  it.each([
    [
      'path,label\na.jpg,x\n',
      { label: 'labl' },
      'Expected a column of list.csv (path, label) for --label-column but received "labl" (did you mean label?)',
    ],
    ['path,file,label\na.jpg,b.jpg,x\n', {}, '(--path-column says which)'],
    ['path,label\na.jpg,"x\ny"\n', {}, 'Expected a label on one line, without control characters,'],
    ['path,label\na.jpg,\u001b[2Jx\n', {}, 'without control characters'],
  ])('%j with %j is refused', async (content, columns, message) => {
    await expect(manifest(content, { columns })).rejects.toThrow(message);
  });

  it('may have class names that look like markup or paths: they are only names', async () => {
    const { classes } = await manifest('path,label\na.jpg,<script>alert(1)</script>\nb.jpg,../../etc\n');
    expect(classes).toEqual(['../../etc', '<script>alert(1)</script>']);
  });
});

describe('links', () => {
  it('are followed, or skipped with --no-follow', async () => {
    const elsewhere = tree(['1.jpg', '2.jpg']);
    const root = tree(['a/3.jpg', 'b/4.jpg']);
    symlinkSync(elsewhere, join(root, 'linked'));
    expect((await openDataset({ data: root })).images).toHaveLength(4);
    const { images, notes } = await openDataset({ data: root, follow: false });
    expect(images).toHaveLength(2);
    expect(notes).toEqual(['1 link was skipped (--follow follows them)']);
  });
});
