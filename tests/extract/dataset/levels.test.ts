/** Labels and splits from folders as public data sets have them, the same on disk, in archives, globs and lists. */
import { symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type DatasetOptions, openDataset } from '../../../src/extract/dataset/dataset.ts';
import { splitNamed, splitsAmong } from '../../../src/shared/manifest/splits.ts';
import { folderOf, named, tarGzOf, tarOf, zipOf } from '../../support/archives.ts';

/** Files, and what each image must be: `split/label`, or `label` without a split; files that are no key are none. */
interface Layout {
  files: string[];
  expected: Record<string, string>;
  /** What must be said. */
  said?: RegExp[];
}

/** The ways to hand over the same files. */
const WAYS: [string, (files: string[]) => Promise<DatasetOptions>][] = [
  ['folder', async (files) => ({ data: folderOf(named(files)) })],
  ['zip', async (files) => ({ data: await zipOf(named(files)) })],
  ['tar', async (files) => ({ data: await tarOf(named(files)) })],
  ['tar.gz', async (files) => ({ data: await tarGzOf(named(files)) })],
  [
    'glob',
    async (files) => {
      const folder = folderOf(named(files));
      return { data: `${basename(folder)}/**`, root: dirname(folder) };
    },
  ],
  [
    'list',
    async (files) => {
      const folder = folderOf(named(files));
      const lines = files.filter((name) => /\.(jpg|png)$/.test(name)).map((name) => `photos/${name}\n`);
      return { data: '-', root: dirname(folder), stdin: Readable.from(lines) };
    },
  ],
];

async function read(options: DatasetOptions): Promise<{ rows: Record<string, string>; notes: string[] }> {
  const { images, notes, source } = await openDataset(options);
  await source.close();
  const rows = images.map(({ path, labels, split }) => [
    path.replace(/^photos\//, ''),
    split ? `${split}/${labels.join('|')}` : labels.join('|'),
  ]);
  return { rows: Object.fromEntries(rows), notes };
}

const LAYOUTS: Record<string, Layout> = {
  'train and test beside a third folder of images': {
    files: [
      'train/cat/1.jpg',
      'train/dog/2.jpg',
      'test/cat/3.jpg',
      'test/dog/4.jpg',
      'pred/5.jpg',
      'docs/figs/6.png',
    ],
    expected: {
      'train/cat/1.jpg': 'train/cat',
      'train/dog/2.jpg': 'train/dog',
      'test/cat/3.jpg': 'test/cat',
      'test/dog/4.jpg': 'test/dog',
    },
    said: [/2 images outside the class folders were skipped: (?=.*pred\/").*docs\/figs\//],
  },
  'train and test beside folders without images': {
    files: ['train/cat/1.jpg', 'train/dog/2.jpg', 'test/cat/3.jpg', 'annotations/1.xml', 'images/readme.txt'],
    expected: {
      'train/cat/1.jpg': 'train/cat',
      'train/dog/2.jpg': 'train/dog',
      'test/cat/3.jpg': 'test/cat',
    },
  },
  'folders of systems and devices': {
    files: [
      'train/cat/1.jpg',
      'train/dog/2.jpg',
      'test/cat/3.jpg',
      '@eaDir/train/x.jpg',
      'train/@eaDir/1.jpg/s.jpg',
      'train/cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg',
      '__MACOSX/train/cat/._1.jpg',
      'test/cat/.thumbnails/3.jpg',
      '#recycle/dog/9.jpg',
    ],
    expected: {
      'train/cat/1.jpg': 'train/cat',
      'train/dog/2.jpg': 'train/dog',
      'test/cat/3.jpg': 'test/cat',
    },
    said: [/Hidden and system files and folders, pipes and devices were skipped: .*"@eaDir\/" \(3\)/],
  },
  'Training and Testing': {
    files: ['Training/glioma/1.jpg', 'Training/no/2.jpg', 'Testing/glioma/3.jpg', 'Testing/no/4.jpg'],
    expected: {
      'Training/glioma/1.jpg': 'train/glioma',
      'Training/no/2.jpg': 'train/no',
      'Testing/glioma/3.jpg': 'test/glioma',
      'Testing/no/4.jpg': 'test/no',
    },
  },
  'training_set inside training_set': {
    files: [
      'training_set/training_set/cats/1.jpg',
      'training_set/training_set/dogs/2.jpg',
      'test_set/test_set/cats/3.jpg',
      'test_set/test_set/dogs/4.jpg',
    ],
    expected: {
      'training_set/training_set/cats/1.jpg': 'train/cats',
      'training_set/training_set/dogs/2.jpg': 'train/dogs',
      'test_set/test_set/cats/3.jpg': 'test/cats',
      'test_set/test_set/dogs/4.jpg': 'test/dogs',
    },
  },
  'seg_train, seg_test and seg_pred, each in itself': {
    files: [
      'seg_train/seg_train/sea/1.jpg',
      'seg_train/seg_train/forest/2.jpg',
      'seg_test/seg_test/sea/3.jpg',
      'seg_pred/seg_pred/4.jpg',
    ],
    expected: {
      'seg_train/seg_train/sea/1.jpg': 'train/sea',
      'seg_train/seg_train/forest/2.jpg': 'train/forest',
      'seg_test/seg_test/sea/3.jpg': 'test/sea',
    },
    said: [/1 image outside the class folders was skipped: "(photos\/)?seg_pred\/seg_pred\/"/],
  },
  'Train, Valid and Test': {
    files: ['Train/a/1.jpg', 'Train/b/2.jpg', 'Valid/a/3.jpg', 'Test/b/4.jpg'],
    expected: {
      'Train/a/1.jpg': 'train/a',
      'Train/b/2.jpg': 'train/b',
      'Valid/a/3.jpg': 'val/a',
      'Test/b/4.jpg': 'test/b',
    },
  },
  'dev, validation_set, val2017 and train-images': {
    files: [
      'train-images/a/1.jpg',
      'train-images/b/2.jpg',
      'dev/a/3.jpg',
      'validation_set/b/4.jpg',
      'val2017/a/5.jpg',
    ],
    expected: {
      'train-images/a/1.jpg': 'train/a',
      'train-images/b/2.jpg': 'train/b',
      'dev/a/3.jpg': 'val/a',
      'validation_set/b/4.jpg': 'val/b',
      'val2017/a/5.jpg': 'val/a',
    },
  },
  'names that differ in the split only': {
    files: ['asl_alphabet_train/A/1.jpg', 'asl_alphabet_train/B/2.jpg', 'asl_alphabet_test/A/3.jpg'],
    expected: {
      'asl_alphabet_train/A/1.jpg': 'train/A',
      'asl_alphabet_train/B/2.jpg': 'train/B',
      'asl_alphabet_test/A/3.jpg': 'test/A',
    },
  },
  'a test set without classes': {
    files: ['train/cat/1.jpg', 'train/dog/2.jpg', 'test/3.jpg', 'test/4.jpg'],
    expected: { 'train/cat/1.jpg': 'train/cat', 'train/dog/2.jpg': 'train/dog' },
    said: [/2 images outside the class folders were skipped: "(photos\/)?test\/" \(2\)/],
  },
  'splits in a wrapper beside a copy of themselves': {
    files: [
      'xray/train/a/1.jpg',
      'xray/train/b/2.jpg',
      'xray/test/a/3.jpg',
      'xray/xray/train/a/1.jpg',
      'xray/note.txt',
    ],
    expected: {
      'xray/train/a/1.jpg': 'train/a',
      'xray/train/b/2.jpg': 'train/b',
      'xray/test/a/3.jpg': 'test/a',
    },
    said: [/1 image outside the class folders/],
  },
  'a split in a split': {
    files: ['train/train/a/1.jpg', 'train/validation/a/2.jpg', 'train/train/b/3.jpg', 'test/b/4.jpg'],
    expected: {
      'train/train/a/1.jpg': 'train/a',
      'train/validation/a/2.jpg': 'val/a',
      'train/train/b/3.jpg': 'train/b',
      'test/b/4.jpg': 'test/b',
    },
  },
  'images between the split and the classes': {
    files: ['train/images/a/1.jpg', 'train/images/b/2.jpg', 'val/images/a/3.jpg'],
    expected: {
      'train/images/a/1.jpg': 'train/a',
      'train/images/b/2.jpg': 'train/b',
      'val/images/a/3.jpg': 'val/a',
    },
  },
  'one level above the classes': {
    files: ['flower_photos/daisy/1.jpg', 'flower_photos/rose/2.jpg', 'flower_photos/LICENSE.txt'],
    expected: { 'flower_photos/daisy/1.jpg': 'daisy', 'flower_photos/rose/2.jpg': 'rose' },
  },
  'two levels above the classes, with a picture beside': {
    files: ['a/b/daisy/1.jpg', 'a/b/rose/2.jpg', 'a/b/rose/3.jpg', 'a/b/cover.jpg'],
    expected: { 'a/b/daisy/1.jpg': 'daisy', 'a/b/rose/2.jpg': 'rose', 'a/b/rose/3.jpg': 'rose' },
    said: [/1 image outside the class folders was skipped/],
  },
  'images/ with the classes beside docs/': {
    files: ['images/daisy/1.jpg', 'images/rose/2.jpg', 'docs/figure.png'],
    expected: { 'images/daisy/1.jpg': 'daisy', 'images/rose/2.jpg': 'rose' },
    said: [/docs/],
  },
  'class folders with folders in them': {
    files: ['daisy/close/1.jpg', 'daisy/2.jpg', 'rose/3.jpg', 'rose/far/deep/4.jpg'],
    expected: {
      'daisy/close/1.jpg': 'daisy',
      'daisy/2.jpg': 'daisy',
      'rose/3.jpg': 'rose',
      'rose/far/deep/4.jpg': 'rose',
    },
    said: [/2 images lie in folders inside class folders, such as "(photos\/)?daisy\/close\/"/],
  },
  'one level below the classes': {
    files: ['daisy/images/1.jpg', 'rose/images/2.jpg'],
    expected: { 'daisy/images/1.jpg': 'daisy', 'rose/images/2.jpg': 'rose' },
    said: [/lie in folders inside class folders/],
  },
  'the class above the split': {
    files: ['daisy/train/1.jpg', 'daisy/test/2.jpg', 'rose/train/3.jpg', 'rose/test/4.jpg'],
    expected: {
      'daisy/train/1.jpg': 'train/daisy',
      'daisy/test/2.jpg': 'test/daisy',
      'rose/train/3.jpg': 'train/rose',
      'rose/test/4.jpg': 'test/rose',
    },
  },
  'a class with the name of a split': {
    files: ['train/1.jpg', 'bus/2.jpg', 'car/3.jpg'],
    expected: { 'train/1.jpg': 'train', 'bus/2.jpg': 'bus', 'car/3.jpg': 'car' },
    said: [/Classes with names of splits: "(photos\/)?train" \(1 image\)/],
  },
  'classes in one folder of each split': {
    files: [
      'train/flowers/daisy/1.jpg',
      'train/flowers/rose/2.jpg',
      'test/set/daisy/3.jpg',
      'test/set/rose/4.jpg',
    ],
    expected: {
      'train/flowers/daisy/1.jpg': 'train/daisy',
      'train/flowers/rose/2.jpg': 'train/rose',
      'test/set/daisy/3.jpg': 'test/daisy',
      'test/set/rose/4.jpg': 'test/rose',
    },
  },
  'a split with one class that has a folder in it': {
    files: ['train/daisy/close/1.jpg', 'train/daisy/close/2.jpg', 'test/daisy/3.jpg', 'test/rose/4.jpg'],
    expected: {
      'train/daisy/close/1.jpg': 'train/daisy',
      'train/daisy/close/2.jpg': 'train/daisy',
      'test/daisy/3.jpg': 'test/daisy',
      'test/rose/4.jpg': 'test/rose',
    },
  },
};

describe.each(WAYS)('%s', (_, open) => {
  it.each(Object.keys(LAYOUTS))('%s', async (name) => {
    const { files, expected, said = [] } = LAYOUTS[name];
    const { rows, notes } = await read(await open(files));
    // A folder that everything in an archive lies in is no part of the paths.
    const asListed = (path: string) =>
      Object.keys(expected).find((key) => `/${key}`.endsWith(`/${path}`)) ?? path;
    expect(Object.fromEntries(Object.entries(rows).map(([path, row]) => [asListed(path), row]))).toEqual(
      expected,
    );
    for (const note of said) expect(notes.join('\n')).toMatch(note);
  });

  it.each(Object.keys(REFUSED))('refused: %s', async (name) => {
    const { files, found } = REFUSED[name];
    const failure = await openDataset(await open(files)).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ name: 'InputError', message: expect.stringMatching(found) });
    expect((failure as Error).message).toContain('--label-level');
  });
});

/** Folders that can be read in several ways, and what was seen. */
const REFUSED: Record<string, { files: string[]; found: RegExp }> = {
  'splits without classes': {
    files: ['train/1.jpg', 'test/2.jpg'],
    found:
      /images directly inside .*train" \(1 image\).*test" \(1 image\)|images directly inside .*test" \(1 image\).*train"/,
  },
  'one split beside what may be another': {
    files: ['train/a/1.jpg', 'train/b/2.jpg', 'holdout/a/3.jpg', 'holdout/b/4.jpg'],
    found: /found the split "(photos\/)?train" \(2 images\) beside "(photos\/)?holdout" \(2 images\)/,
  },
  'variants of the same classes': {
    files: ['color/apple/1.jpg', 'color/grape/2.jpg', 'gray/apple/3.jpg', 'gray/grape/4.jpg'],
    found:
      /folders of the same names \("apple", "grape"\) in each of "(photos\/)?color" \(2 images\), "(photos\/)?gray"/,
  },
  'variants of the same classes beside figures': {
    files: [
      'color/apple/1.jpg',
      'color/grape/2.jpg',
      'gray/apple/3.jpg',
      'gray/grape/4.jpg',
      'figures/5.jpg',
    ],
    found:
      /folders of the same names \("apple", "grape"\) in each of "(photos\/)?color" \(2 images\), "(photos\/)?gray"/,
  },
  'variants of the same classes in each split': {
    files: [
      'train/color/x/1.jpg',
      'train/color/y/2.jpg',
      'train/gray/x/3.jpg',
      'train/gray/y/4.jpg',
      'test/color/x/5.jpg',
    ],
    found: /folders of the same names \("x", "y"\) in each of/,
  },
  'two data sets with splits of their own': {
    files: ['birds/train/owl/1.jpg', 'birds/test/owl/2.jpg', 'fish/train/cod/3.jpg', 'fish/test/cod/4.jpg'],
    found: /splits with folders in them, such as "(photos\/)?birds\/t(rain|est)"/,
  },
  'a split in some classes only': {
    files: ['daisy/train/1.jpg', 'daisy/test/2.jpg', 'rose/3.jpg'],
    found:
      /the split "(photos\/)?daisy\/t(rain|est)" .* in one class folder but other images in "(photos\/)?rose"/,
  },
  'levels that differ between the splits': {
    files: ['train/2020/a/1.jpg', 'train/2021/b/2.jpg', 'test/a/3.jpg', 'test/b/4.jpg'],
    found: /no class of (train|test) \(.*\) in the other splits/,
  },
  'images/ without classes beside masks/': {
    files: ['images/1.jpg', 'images/2.jpg', 'masks/1.png'],
    found: /images in "(photos\/)?images" \(2 images\) beside "(photos\/)?masks"/,
  },
};

it('a folder that all of an archive lies in is no part of paths, whatever lies beside the classes', async () => {
  const inside = async (files: string[]) =>
    Object.keys((await read({ data: await zipOf(named(files)) })).rows);
  const classes = ['set/cat/1.jpg', 'set/dog/2.jpg'];
  expect(await inside([...classes, 'set/README.txt'])).toEqual(['cat/1.jpg', 'dog/2.jpg']);
  // An image there says that it is a class itself.
  expect(await inside([...classes, 'set/3.jpg'])).toContain('set/cat/1.jpg');
});

it.each<[string, string]>([
  ['alone', ''],
  ['in a folder', 'flowers/'],
])('an archive that holds one split keeps it, %s', async (_, wrapped) => {
  const files = ['train/a/1.png', 'train/b/2.png'].map((name) => `${wrapped}${name}`);
  for (const pack of [zipOf, tarOf, tarGzOf]) {
    const { rows } = await read({ data: await pack(named(files)) });
    expect(rows).toEqual({ 'train/a/1.png': 'train/a', 'train/b/2.png': 'train/b' });
  }
});

it('what was passed over is said in the same order everywhere', async () => {
  const folder = folderOf(named(['cat/1.jpg', 'dog/2.jpg', 'dog/notes.txt', '@eaDir/3.jpg']));
  symlinkSync(join(folder, 'cat'), join(folder, 'bird'));
  const { notes } = await read({ data: folder, follow: false });
  expect(notes).toEqual([
    expect.stringMatching(/^1 file that is no image by name was skipped: \.txt/),
    expect.stringMatching(/^Hidden and system files .* were skipped: "@eaDir\/"/),
    '1 link was skipped (--follow follows them)',
  ]);
});

it.each(WAYS.slice(0, 4))('an image that a %s does not have is no such file', async (_, open) => {
  const { source } = await openDataset(await open(['cat/1.jpg', 'dog/2.jpg']));
  await expect(source.read('cat/3.jpg')).rejects.toMatchObject({ code: 'ENOENT' });
  await source.close();
});

it('what is said goes from the outer folders to the inner ones', async () => {
  const files = ['all/train/1.jpg', 'all/bus/2.jpg', 'all/bus/far/3.jpg'];
  const { notes } = await read({ data: folderOf(named(files)) });
  expect(notes.map((note) => note.split(/[:"]/)[0])).toEqual([
    'All class folders lie in ',
    'Classes with names of splits',
    '1 image lies in folders inside class folders, such as ',
  ]);
});

describe('--label-level', () => {
  it.each(WAYS)('names the class by its depth below the root: %s', async (_, open) => {
    const level = async (files: string[], labelLevel: number) =>
      (await read({ ...(await open(files)), labelLevel })).rows;
    expect(await level(REFUSED['variants of the same classes'].files, 2)).toEqual({
      'color/apple/1.jpg': 'apple',
      'color/grape/2.jpg': 'grape',
      'gray/apple/3.jpg': 'apple',
      'gray/grape/4.jpg': 'grape',
    });
    expect(await level(REFUSED['variants of the same classes'].files, 1)).toMatchObject({
      'color/apple/1.jpg': 'color',
      'gray/grape/4.jpg': 'gray',
    });
    expect(await level(REFUSED['two data sets with splits of their own'].files, 3)).toMatchObject({
      'birds/train/owl/1.jpg': 'train/owl',
      'fish/test/cod/4.jpg': 'test/cod',
    });
    expect(await level(REFUSED['two data sets with splits of their own'].files, 1)).toMatchObject({
      'birds/train/owl/1.jpg': 'train/birds',
      'fish/test/cod/4.jpg': 'test/fish',
    });
  });

  it('is a whole number, and goes with folders only', async () => {
    const data = folderOf(named(['a/1.jpg', 'b/2.jpg']));
    await expect(openDataset({ data, labelLevel: 0 })).rejects.toThrow('Expected a whole number from 1');
    await expect(openDataset({ data, labelLevel: 3 })).rejects.toThrow('2 images less than 3 folders deep');
    const listed = folderOf({ 'list.csv': 'path,label\na.jpg,x\n' });
    await expect(openDataset({ data: `${listed}/list.csv`, labelLevel: 1 })).rejects.toThrow(
      'Expected folders of images with --label-level',
    );
  });
});

describe('a folder', () => {
  const rows = async (files: string[]) => (await read({ data: folderOf(named(files)) })).rows;

  it('of one split keeps it, wrapped or not', async () => {
    expect(await rows(['train/a/1.jpg', 'train/b/2.jpg'])).toEqual({
      'train/a/1.jpg': 'train/a',
      'train/b/2.jpg': 'train/b',
    });
    expect(await rows(['w/train/a/1.jpg', 'w/train/b/2.jpg'])).toEqual({
      'w/train/a/1.jpg': 'train/a',
      'w/train/b/2.jpg': 'train/b',
    });
  });

  it('of one class with most images directly inside is no wrapper', async () => {
    const files = ['rose/1.jpg', 'rose/2.jpg', 'rose/3.jpg', 'rose/close/4.jpg', 'rose/far/5.jpg'];
    expect(new Set(Object.values(await rows(files)))).toEqual(new Set(['rose']));
  });

  it('of a class with a name of a split is no split where the level is given', async () => {
    const data = folderOf(named(['train/x/1.jpg', 'bus/y/2.jpg']));
    expect((await read({ data, labelLevel: 1 })).rows).toEqual({
      'train/x/1.jpg': 'train',
      'bus/y/2.jpg': 'bus',
    });
  });
});

describe('a glob and a list', () => {
  it('take images directly inside the folder in common for a class', async () => {
    const root = dirname(folderOf(named(['rose/1.jpg', 'rose/close/2.jpg', 'tulip/3.jpg'])));
    expect((await read({ data: 'photos/rose/**/*.jpg', root })).rows).toEqual({
      'rose/1.jpg': 'rose',
      'rose/close/2.jpg': 'rose',
    });
    const stdin = Readable.from(['photos/rose/1.jpg\n']);
    expect((await read({ data: '-', root, stdin })).rows).toEqual({ 'rose/1.jpg': 'rose' });
  });

  it('have no labels where no folder is named', async () => {
    const root = folderOf(named(['1.jpg', '2.jpg']));
    const { rows, notes } = await read({ data: '*.jpg', root });
    expect(rows).toEqual({ '1.jpg': '', '2.jpg': '' });
    expect(notes).toEqual(['2 of 2 images have no label']);
  });
});

it('a manifest beside images without classes is pointed at', async () => {
  const data = folderOf({ 'labels.csv': '', '1.jpg': '' });
  await expect(openDataset({ data })).rejects.toThrow('(or give labels.csv as --data');
});

it('a manifest beside class folders is said to be not read', async () => {
  const data = folderOf({ 'labels.csv': '', 'a/1.jpg': '', 'b/2.jpg': '' });
  const { notes } = await read({ data });
  expect(notes[0]).toBe(
    'Labels are names of folders; not read was labels.csv (as --data, a manifest gives its own)',
  );
});

it('names of splits', () => {
  const splits = [
    'Train',
    'TRAINING',
    'train_set',
    'TrainingSet',
    'trainImages',
    'my-train-data',
    'trainset',
    'train2',
  ];
  for (const name of splits) expect([name, splitNamed(name)]).toEqual([name, 'train']);
  for (const name of ['valid', 'Validation_Set', 'dev', 'val2017']) expect(splitNamed(name)).toBe('val');
  for (const name of ['testing', 'test_set', 'Test 1', 'test.images']) expect(splitNamed(name)).toBe('test');
  for (const name of [
    'trainer',
    'contest',
    'trainval',
    'train_val',
    'invalid',
    'devil',
    'seg_train',
    'steam train',
    '',
  ])
    expect([name, splitNamed(name)]).toEqual([name, undefined]);
  expect([...splitsAmong(['seg_train', 'seg_test', 'seg_pred', 'crash_test', 'val'])]).toEqual([
    ['val', 'val'],
    ['seg_train', 'train'],
    ['seg_test', 'test'],
  ]);
});
