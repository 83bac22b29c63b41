/** What the built train-head, predict, serve and export refuse, and how; that nothing is lost by it. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';
import { clusters, syntheticStore } from '../support/synthetic-store.ts';

let store = '';
let head = '';
let cwd = '';
beforeAll(async () => {
  store = await syntheticStore(clusters(['a', 'b'], 20));
  head = await writeRandomHead(join(newFolder(), 'best'));
  cwd = newFolder();
});

async function refused(args: string[], message: string, expected = 2): Promise<void> {
  const { status, stderr, stdout } = await permafrost(args, { cwd });
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(STACK_TRACE);
  expect(stderr).not.toContain('Unexpected failure');
  expect(stdout).toBe('');
  expect(status).toBe(expected);
}

describe('train-head refuses', () => {
  it.each<[string[], string, number?]>([
    [['--labels', ''], 'Expected a path for --labels but received ""'],
    [['--labels', 'no.csv'], 'Cannot read no.csv (--labels): no such file or folder (ENOENT)', 1],
    [['--path-column', 'x'], '--path-column needs --labels'],
    [['--images', 'nowhere'], 'No such folder: nowhere (--images)', 1],
    [['--no-report', '--images', '.'], '--images needs the report, which --no-report skips'],
    [['--pooling', 'avg,avg'], 'Expected each column once for --pooling but received ["avg","avg"]'],
    [['--random', '1e9'], 'Expected a whole number from 1 to 100000 for --random but received "1e9"'],
    [
      ['--seeds', '50000', '--grid', 'lr=1,2,3'],
      'at most 100000 heads for --seeds 50000 but received 150000',
    ],
    [['--hidden', '65536x65536'], 'of at most 134217728 weights for --hidden 65536x65536 but received 429'],
    [['--out', ''], 'Expected a path for --out but received ""'],
    [['--out', 'a', '--out', 'b'], 'Expected one value for --out but received ["a","b"]'],
    [['--lrr', '1'], 'Unknown flag --lrr (did you mean --lr or --l1 or --l2?)'],
    [['--engine', ''], 'for --engine but received ""\n'],
  ])('%j', async (flags, message, status) => {
    await refused(['train-head', '--features', store, ...flags], message, status);
  });

  it('a store twice, and none', async () => {
    const twice = ['--features', store, '--features', `${store}/`];
    await refused(['train-head', ...twice], 'Expected each store once for --features');
    await refused(['train-head', '--features', ''], 'Expected a path for --features but received ""');
  });

  it('to write where other things are', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, 'mine');
    const common = ['train-head', '--features', store, '--epochs', '1', '--out'];
    const before = readdirSync(store);
    for (const [out, message] of [
      [file, `Cannot make the folder ${file}`],
      [join(file, 'run'), `Cannot make the folder ${file}/run`],
      ['/proc/permafrost/run', 'Cannot make the folder /proc/permafrost'],
      [store, 'Expected a new or empty folder, or an earlier run, for --out'],
    ]) {
      const { status, stderr } = await permafrost([...common, out]);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain('Unexpected failure');
      expect(status).toBe(1);
    }
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(readdirSync(store)).toEqual(before);
  });
});

describe('predict, serve and export refuse', () => {
  it.each<[string[], string, number?]>([
    [['predict', '--hed', 'x', 'photo.jpg'], 'Unknown flag --hed (did you mean --head?)'],
    [['predict', '--head', '', 'photo.jpg'], 'Expected a path for --head but received ""'],
    [['predict', '--head', '.', ''], 'Expected a path for an image but received ""'],
    [['predict', '--head', '.', '--watch', '.', '--tta'], '--watch cannot be combined with --tta'],
    [['predict', '--head', '.', 'x.jpg', '--weights', ''], 'Expected a path for --weights but received ""'],
    [['predict', '--head', '.', 'x.jpg'], 'No trained head at .: give the folder best', 1],
    [['serve', '--head', '.', '--host', ''], 'Expected an address for --host but received ""'],
    [['export', '--head', '.', '--format', 'tfjs', '--out', ''], 'Expected a path for --out but received ""'],
  ])('%j', refused);

  it('to export weights into a format that has none, and lose nothing that is there', async () => {
    const export_ = ['export', '--head', head, '--format'];
    await refused(
      [...export_, 'tfjs', '--out', 'x', '--weights', 'none'],
      '--weights works only with --format onnx or --full',
    );
    mkdirSync(join(cwd, 'model.tmp'));
    mkdirSync(join(cwd, 'folder'));
    writeFileSync(join(cwd, 'model.tmp', 'mine'), 'mine');
    expect((await permafrost([...export_, 'tfjs', '--out', 'model'], { cwd })).status).toBe(0);
    const { status, stderr } = await permafrost([...export_, 'safetensors', '--out', 'folder'], { cwd });
    expect(stderr).toContain('Cannot write folder: it is a folder (EISDIR)');
    expect(status).toBe(1);
    expect(readdirSync(cwd).sort()).toEqual(['folder', 'model', 'model.tmp']);
    expect(readFileSync(join(cwd, 'model.tmp', 'mine'), 'utf8')).toBe('mine');
  });

  it('to predict into a folder, before anything is computed', async () => {
    await refused(
      ['predict', '--head', head, 'missing.jpg', '--out', '.'],
      '--out . is a folder: name a file',
      1,
    );
  });

  it.each([
    ['"mobilenet_0.25"', '"mobilenet_0.26"', "sources[0] of the head's head.json: Unknown backbone"],
    ['"avg"', '"conv9/avg"', "sources[0] of the head's head.json: Expected a layer of mobilenet_0.25"],
  ])('a head whose record names %s as %s', async (from, to, message) => {
    const dir = newFolder();
    cpSync(head, dir, { recursive: true });
    const record = readFileSync(join(dir, 'head.json'), 'utf8');
    writeFileSync(join(dir, 'head.json'), record.replaceAll(from, to));
    const photo = join(dir, 'photo.jpg');
    writeFileSync(photo, '');
    await refused(['predict', '--head', dir, photo], message, 1);
    await refused(['serve', '--head', dir, '--port', '0'], message, 1);
    await refused(['export', '--head', dir, '--format', 'onnx', '--out', join(dir, 'x.onnx')], message, 1);
  });
});
