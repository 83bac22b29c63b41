import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { newFolder } from '../support/folders.ts';

/** A folder with these files; images need no content here. */
function tree(files: Record<string, string> | string[]): string {
  const root = newFolder();
  const entries = Array.isArray(files) ? files.map((name) => [name, '']) : Object.entries(files);
  for (const [name, content] of entries) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

const rowsOf = ({ images }: Awaited<ReturnType<typeof openDataset>>) =>
  images.map(({ path, labels, split }) => [path, labels.join('|'), split]);

describe('class folders', () => {
  it('label the images below them, in the order of their paths', async () => {
    const root = tree(['b/2.JPG', 'b/10.png', 'a/deep/er/x.webp', 'ä/é.jpeg', 'a/A.tiff']);
    const dataset = await openDataset({ data: root });
    expect(rowsOf(dataset)).toEqual([
      ['a/A.tiff', 'a', null],
      ['a/deep/er/x.webp', 'a', null],
      ['b/10.png', 'b', null],
      ['b/2.JPG', 'b', null],
      ['ä/é.jpeg', 'ä', null],
    ]);
    expect(dataset.classes).toEqual(['a', 'b', 'ä']);
    expect(dataset.source.fileOf?.(dataset.images[0].path)).toBe(join(root, 'a/A.tiff'));
    expect(dataset.notes).toEqual([
      '1 image lies in folders inside class folders, such as "a/deep/": their class is the outer folder\'s ("a")',
    ]);
  });

  it('may lie below train, val or validation, and test', async () => {
    const root = tree(['train/a/1.jpg', 'train/b/2.jpg', 'Validation/a/3.jpg', 'test/b/4.jpg']);
    expect(rowsOf(await openDataset({ data: root }))).toEqual([
      ['Validation/a/3.jpg', 'a', 'val'],
      ['test/b/4.jpg', 'b', 'test'],
      ['train/a/1.jpg', 'a', 'train'],
      ['train/b/2.jpg', 'b', 'train'],
    ]);
  });

  it('mention what was skipped', async () => {
    const root = tree([
      'a/1.jpg',
      'a/notes.txt',
      'b/2.jpg',
      'stray.png',
      '.git/x.jpg',
      'a/.DS_Store',
      'empty/readme',
    ]);
    const { notes, images } = await openDataset({ data: root });
    expect(images).toHaveLength(2);
    expect(notes).toEqual([
      'The class folder "empty" has no images',
      '1 image outside the class folders was skipped: on top',
      '2 files that are no images by name were skipped: .txt, no extension',
      'Hidden and system files and folders, pipes and devices were skipped: ".git/"',
    ]);
  });

  it('follow links, but not in circles', async () => {
    const elsewhere = tree(['1.jpg']);
    const root = tree(['a/2.jpg']);
    symlinkSync(elsewhere, join(root, 'b'));
    symlinkSync(join(root, 'nowhere.jpg'), join(root, 'a/broken.jpg'));
    expect(rowsOf(await openDataset({ data: root })).map(([path]) => path)).toEqual([
      'a/2.jpg',
      'a/broken.jpg',
      'b/1.jpg',
    ]);
    symlinkSync(root, join(root, 'a/up'));
    await expect(openDataset({ data: root })).rejects.toThrow(/links back to a folder above it/);
  });

  it('can be a single one, with a warning', async () => {
    const { classes, notes } = await openDataset({ data: tree(['only/1.jpg']) });
    expect(classes).toEqual(['only']);
    expect(notes).toEqual([expect.stringContaining('one class only, "only"')]);
  });

  it.each([
    [[], 'an empty folder'],
    [['1.jpg', '2.jpg'], '2 images in no class folder. Put each into a folder'],
    [['a/readme.txt', 'b/x.csv'], 'no image in its 2 folders'],
    [['readme.txt'], '1 file, none of them an image'],
  ])('are explained when there are none: %j', async (files, found) => {
    await expect(openDataset({ data: tree(files) })).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringContaining(`but found ${found}`) }),
    );
  });
});

it.each([
  [
    ['train-0.parquet'],
    '1 file, none of them an image. A glob of tables ends in .parquet, .arrow or .feather',
  ],
  [['a.csv', 'b.csv'], '2 files, none of them an image. Manifests are read one at a time: give one file'],
])('a glob that matches no image but %j says how these are read', async (files, found) => {
  const root = tree(files);
  await expect(openDataset({ data: '*', root })).rejects.toThrow(`but found ${found}`);
});

describe('--data', () => {
  it('must exist and be a folder or a manifest', async () => {
    const root = tree(['a/1.jpg', 'x.parquet']);
    await expect(openDataset({ data: join(root, 'missing') })).rejects.toThrow(
      /^No such file or folder: .* \(--data\)$/,
    );
    await expect(openDataset({ data: join(root, 'x.parquet') })).rejects.toThrow(
      /Expected a table in x\.parquet but it is damaged/,
    );
    await expect(openDataset({ data: root, root })).rejects.toThrow(
      /a manifest, a glob or a list with --root/,
    );
  });
});

/** A dataset from a manifest of this name and content. */
function fromManifest(content: string, name = 'labels.csv') {
  return openDataset({ data: join(tree({ [name]: content }), name) });
}

describe('a manifest', () => {
  it('has a path and a label column', async () => {
    const dataset = await fromManifest('\ufeffpath,label\r\na.jpg,cat\r\n"sub/b, c.jpg",dog\r\n');
    expect(rowsOf(dataset)).toEqual([
      ['a.jpg', 'cat', null],
      ['sub/b, c.jpg', 'dog', null],
    ]);
    expect(dataset.classes).toEqual(['cat', 'dog']);
    expect(dataset.name).toMatch(/^permafrost-test-\w+-labels$/);
  });

  it.each(['path', 'Paths', 'FILE', 'files', 'filename', 'Filenames', 'file_name', 'image', 'Images'])(
    'may call its path column %s',
    async (name) => {
      const dataset = await fromManifest(`${name},Labels\na.jpg,x|y| x \nb.jpg,\n`);
      expect(rowsOf(dataset)).toEqual([
        ['a.jpg', 'x|y', null],
        ['b.jpg', '', null],
      ]);
      expect(dataset.notes).toEqual([
        `Columns: path ${JSON.stringify(name)}, label "Labels"`,
        '1 of 2 images has no label',
      ]);
    },
  );

  it('may have one 0/1 column for each class', async () => {
    const dataset = await fromManifest('Filenames,sea,desert\n1.jpg,1,0\n2.jpg,1,1\n3.jpg,0,0\n');
    expect(rowsOf(dataset).map(([, labels]) => labels)).toEqual(['sea', 'sea|desert', '']);
    expect(dataset.classes).toEqual(['desert', 'sea']);
  });

  it('may have a split column', async () => {
    const dataset = await fromManifest(
      'image,split,label\n1,train,a\n2,Validation,a\n3,val,b\n4,test,b\n5,,b\n6,Training,b\n7,dev,b\n8,test_set,b\n',
    );
    const splits = ['train', 'val', 'val', 'test', null, 'train', 'val', 'test'];
    expect(dataset.images.map(({ split }) => split)).toEqual(splits);
  });

  it('may be tab-separated or JSON Lines', async () => {
    expect(rowsOf(await fromManifest('path\tlabel\na.jpg\tx, y\n', 'labels.tsv'))).toEqual([
      ['a.jpg', 'x, y', null],
    ]);
    const lines =
      '{"path":"a.jpg","labels":["x","y"],"split":"val"}\n\n{"path":"b.jpg","labels":"z"}\n{"path":"c.jpg","labels":7}\n';
    expect(rowsOf(await fromManifest(lines, 'labels.jsonl'))).toEqual([
      ['a.jpg', 'x|y', 'val'],
      ['b.jpg', 'z', null],
      ['c.jpg', '7', null],
    ]);
    const classes = await fromManifest(
      '{"file":"a.jpg","x":1,"y":0}\n{"file":"b.jpg","x":0,"y":true}\n',
      'labels.jsonl',
    );
    expect(rowsOf(classes).map(([, labels]) => labels)).toEqual(['x', 'y']);
  });

  it('may lie elsewhere than its images', async () => {
    const images = tree(['a.jpg']);
    const data = join(
      tree({ 'labels.csv': `path,label\na.jpg,x\n${join(images, 'b.jpg')},y\n` }),
      'labels.csv',
    );
    const dataset = await openDataset({ data, root: images });
    expect(dataset.images.map(({ path }) => [path, dataset.source.fileOf?.(path)])).toEqual([
      ['a.jpg', join(images, 'a.jpg')],
      ['b.jpg', join(images, 'b.jpg')],
    ]);
    await expect(openDataset({ data, root: join(images, 'a.jpg') })).rejects.toThrow(/a folder for --root/);
  });

  it.each([
    ['', 'found no row'],
    ['path,label\n', 'found no row'],
    [
      'name,label\na.jpg,x\n',
      'Expected a column named path, file, filename or image (or --path-column) for labels.csv but received ["name","label"]',
    ],
    [
      'path,filename,label\na,b,x\n',
      'Expected one path column for labels.csv but received ["path","filename"]',
    ],
    [
      'path,label,width\na.jpg,x,640\n',
      'Expected no columns other than path, label, split, group, weight for labels.csv but received ["width"]',
    ],
    [
      'path\na.jpg\n',
      'Expected a label column (or --label-column), or one 0/1 column for each class for labels.csv but received ["path"]',
    ],
    ['path,,x\na.jpg,1,1\n', 'Expected a name for column 2 of labels.csv but received ""'],
    ['path,x,x\na.jpg,1,1\n', 'Expected each column once for labels.csv but received "x"'],
    ['path,x,y\na.jpg,0,1\nb.jpg,2,0\n', 'Expected 0 or 1 for labels.csv line 3, column x but received "2"'],
    ['path,x,y\na.jpg,,1\n', 'Expected 0 or 1 for labels.csv line 2, column x but received ""'],
    [
      'path,label\na.jpg,x\nb.jpg,x\n./a.jpg,y\n',
      'Expected each image once for labels.csv line 4 but received "a.jpg" again (first on line 2)',
    ],
    ['path,label\n../a.jpg,x\n', 'labels.csv line 2, column path but received "../a.jpg"'],
    ['path,label\n/etc/passwd,x\n', 'labels.csv line 2, column path but received "/etc/passwd"'],
    ['path,label\n ,x\n', 'Expected a path for labels.csv line 2, column path but received " "'],
    [
      'path,label,split\na.jpg,x,holdout\n',
      'Expected train, val, test (also training, valid, validation, dev, testing, train_set, ...) or nothing for labels.csv line 2, column split but received "holdout"',
    ],
    ['path,label\na.jpg\n', 'Expected 2 cells (path, label) for labels.csv line 2 but received ["a.jpg"]'],
    ['path,label\n"a.jpg,x\n', 'Expected rows in labels.csv but it is damaged: Quote Not Closed'],
  ])('that reads %j is refused', async (content, message) => {
    await expect(fromManifest(content)).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [
      '{"path":"a.jpg","label":"x"}\n{path}\n',
      'Expected a JSON object for labels.jsonl line 2 but received "{path}"',
    ],
    ['[1]\n', 'Expected a JSON object for labels.jsonl line 1'],
    [
      '{"path":"a.jpg","label":{}}\n',
      'Expected a label for labels.jsonl line 1, column label but received {}',
    ],
    [
      '{"path":"a.jpg","label":"x"}\n{"path":"b.jpg","lable":"x"}\n',
      'Expected the columns of the first row for labels.jsonl line 2 but received "lable"',
    ],
    [
      '{"path":"a.jpg","x":1,"y":0}\n{"path":"b.jpg","x":1}\n',
      'Expected 0 or 1 for labels.jsonl line 2, column y but received nothing',
    ],
    ['{"path":7,"x":1}\n', 'Expected a path for labels.jsonl line 1, column path but received 7'],
  ])('in JSON Lines that reads %j is refused', async (content, message) => {
    await expect(fromManifest(content, 'labels.jsonl')).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringContaining(message) }),
    );
  });
});
