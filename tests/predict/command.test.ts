/** `permafrost predict` as it is installed: the built command, from drawn leaves to predictions. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { type Outcome, permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

interface Summary {
  predictions: { path: string; labels: string[]; probabilities: Record<string, number> }[];
}

/** Runs that must succeed. */
async function done(...args: string[]): Promise<Outcome> {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

const root = newFolder();
const leaves = join(root, 'leaves');
const stores = { wide: join(root, 'wide'), tall: join(root, 'tall') };
/** Multi-label, on one backbone. */
const run = join(root, 'run');
/** Multiclass, on one backbone at two sizes side by side, one of them cropped and stored in half precision. */
const fused = join(root, 'fused');

beforeAll(async () => {
  const labels = await drawLeaves(leaves, { count: 24, seed: 3 });
  // The same leaves with one label each.
  const kinds = readFileSync(labels, 'utf8').replaceAll(/,(\d),(\d)$/gm, (_, rust, mildew) =>
    rust === '1' ? ',rust' : mildew === '1' ? ',mildew' : ',healthy',
  );
  const single = join(leaves, 'single.csv');
  writeFileSync(single, kinds.replace('path,rust,mildew', 'path,label'));
  const data = ['--weights', 'none', '--pooling', 'avg,max', '--batch-size', '8'];
  await done('extract', '--data', labels, ...data, '--size', '64x48', '--out', stores.wide);
  await done('extract', '--data', single, ...data, '--size', '64x48', '--out', `${stores.wide}-single`);
  await done(
    ...['extract', '--data', single, ...data, '--size', '40x56', '--dtype', 'float16', '--out', stores.tall],
    ...['--resize', 'crop', '--interpolation', 'bicubic'],
  );
  await done('train-head', '--features', stores.wide, '--epochs', '5', '--out', run);
  await done(
    ...['train-head', '--features', `${stores.wide}-single`, '--features', stores.tall],
    ...['--pooling', 'max,avg', '--hidden', '8', '--batch-norm', '--normalize', 'l2', '--epochs', '5'],
    ...['--out', fused],
  );
});

/** predictions.csv of a run, by path. */
function trained(folder: string): Map<string, Record<string, string>> {
  const rows: Record<string, string>[] = parse(readFileSync(join(folder, 'predictions.csv')), {
    columns: true,
  });
  return new Map(rows.map((row) => [row.path, row]));
}

function expectSameAsTrained({ predictions }: Summary, folder: string): void {
  const expected = trained(folder);
  expect(predictions.map(({ path }) => path)).toEqual(
    [...expected.keys()].sort().map((name) => join(leaves, name)),
  );
  for (const { path, labels, probabilities } of predictions) {
    const row = expected.get(path.slice(leaves.length + 1))!;
    expect(labels.join('|')).toBe(row.predicted);
    for (const [name, value] of Object.entries(probabilities))
      expect(Math.abs(value - Number(row[`p_${name}`]))).toBeLessThan(1e-4);
  }
}

describe('predict', () => {
  it('predicts as the head did in training, whatever the batch size', async () => {
    const { stdout, summary } = await done(
      ...['predict', '--head', join(run, 'best'), leaves, '--batch-size', '5', '--concurrency', '3'],
    );
    expect(stdout.trimEnd()).not.toContain('\n');
    expectSameAsTrained(summary as unknown as Summary, run);
    const { predictions } = summary as unknown as Summary;
    expect(Object.keys(predictions[0])).toEqual(['path', 'labels', 'probabilities']);
    expect(Object.keys(predictions[0].probabilities)).toEqual(['mildew', 'rust']);
  });

  it('rebuilds every backbone of a head on fused features', async () => {
    const { summary } = await done('predict', '--head', join(fused, 'best'), leaves, '--json');
    expectSameAsTrained(summary as unknown as Summary, fused);
    for (const { probabilities } of (summary as unknown as Summary).predictions) {
      const sum = Object.values(probabilities).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 4);
    }
  });

  it("predicts by the head's own thresholds and temperature", async () => {
    const changed = (folder: string, fields: Record<string, unknown>): string => {
      const dir = join(newFolder(), 'best');
      cpSync(join(folder, 'best'), dir, { recursive: true });
      const path = join(dir, 'head.json');
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...fields }));
      return dir;
    };
    const images = [1, 2, 3, 4].map((number) => join(leaves, `leaf-000${number}.jpg`));
    const summaryOf = async (head: string): Promise<Summary> =>
      (await done('predict', '--head', head, ...images, '--json')).summary as unknown as Summary;

    // One threshold below all probabilities, one above.
    const { predictions } = await summaryOf(changed(run, { thresholds: [0, 1] }));
    for (const { labels } of predictions) expect(labels).toEqual(['mildew']);

    const cold = await summaryOf(changed(fused, { temperature: 1 }));
    const hot = await summaryOf(changed(fused, { temperature: 1000 }));
    for (const [index, { labels, probabilities }] of hot.predictions.entries()) {
      expect(labels).toEqual(cold.predictions[index].labels);
      const values = Object.values(probabilities);
      for (const p of values) expect(Math.abs(p - 1 / values.length)).toBeLessThan(0.02);
    }
    expect(hot.predictions).not.toEqual(cold.predictions);
  });

  it('writes a file beside the predictions on stdout', async () => {
    const images = [join(leaves, 'leaf-0003.jpg'), join(leaves, 'leaf-0001.jpg')];
    const out = join(root, 'answers', 'new.arrow');
    const { summary } = await done(
      ...['predict', '--head', join(run, 'best'), ...images, '--format', 'arrow', '--out', out, '--json'],
    );
    const { predictions } = summary as unknown as Summary;
    expect(predictions.map(({ path }) => path)).toEqual(images);
    const rows = tableFromIPC(readFileSync(out)).toArray();
    for (const [row, { path, labels, probabilities }] of predictions.entries()) {
      expect(rows[row].path).toBe(path);
      expect([...rows[row].labels]).toEqual(labels);
      expect(rows[row].p_rust).toBeCloseTo(probabilities.rust, 5);
    }
    expect(readdirSync(join(root, 'answers'))).toEqual(['new.arrow']);
  });

  it('goes through folders in order, and lists what it cannot read', async () => {
    const folder = newFolder();
    for (const name of ['b', '.hidden', 'a/deep']) mkdirSync(join(folder, name), { recursive: true });
    for (const name of ['b/2.jpg', 'b/10.JPG', '.hidden/x.jpg', '.x.jpg', 'a/deep/1.jpg', 'named.bin'])
      cpSync(join(leaves, 'leaf-0000.jpg'), join(folder, name));
    writeFileSync(join(folder, 'a/empty.png'), '');
    writeFileSync(join(folder, 'b/text.jpg'), 'just some words');
    writeFileSync(join(folder, 'b/notes.txt'), 'no image by its name');
    const whole = readFileSync(join(leaves, 'leaf-0000.jpg'));
    writeFileSync(join(folder, 'b/cut.jpg'), whole.subarray(0, whole.length / 2));

    const missing = join(folder, 'missing.jpg');
    const { summary, stdout, stderr } = await done(
      ...['predict', '--head', join(run, 'best'), join(folder, 'named.bin'), folder, missing],
    );
    const { predictions } = summary as unknown as Summary;
    expect(predictions.map(({ path }) => path)).toEqual(
      ['named.bin', 'a/deep/1.jpg', 'b/10.JPG', 'b/2.jpg'].map((name) => join(folder, name)),
    );
    expect(stdout.startsWith('{"predictions":[{')).toBe(true);
    for (const reason of [
      `${join(folder, 'a/empty.png')}: empty file`,
      `${join(folder, 'b/text.jpg')}: not an image: starts with "just some words"`,
      `${missing}: no such file`,
      '4 of 8 images could not be read and are left out',
    ]) {
      expect(stderr).toContain(reason);
    }
    expect(stderr).toMatch(/cut\.jpg: .*truncated JPEG/);
  });

  it('ends what it is writing when it is interrupted', async () => {
    const folder = newFolder();
    for (let copy = 0; copy < 200; copy++)
      cpSync(join(leaves, `leaf-${String(copy % 24).padStart(4, '0')}.jpg`), join(folder, `${copy}.jpg`));
    const head = join(run, 'best');
    const { status, stdout, stderr } = await permafrost(
      ['predict', '--head', head, folder, '--batch-size', '4', '--concurrency', '1'],
      { onStdout: (_, child) => void (child.killed || child.kill('SIGINT')) },
    );
    expect(status, stderr).toBe(130);
    const { predictions } = JSON.parse(stdout) as Summary;
    expect(predictions.length).toBeGreaterThanOrEqual(4);
    expect(predictions.length).toBeLessThan(200);
    expect(stderr).toContain(`Interrupted: ${predictions.length} of 200 images are predicted`);
  });
});

describe('predict refuses', () => {
  async function refused(status: number, ...args: string[]): Promise<string> {
    const outcome = await permafrost(['predict', ...args]);
    expect(outcome.stderr).not.toMatch(STACK_TRACE);
    expect(outcome.stdout).toBe('');
    expect(outcome.status).toBe(status);
    return outcome.stderr;
  }

  /** A copy of the run's head whose record is changed. */
  function changedHead(change: (record: string) => string): string {
    const copy = join(newFolder(), 'best');
    cpSync(join(run, 'best'), copy, { recursive: true });
    const path = join(copy, 'head.json');
    writeFileSync(path, change(readFileSync(path, 'utf8')));
    return copy;
  }

  const image = join(leaves, 'leaf-0000.jpg');

  it('a folder without a head, and one whose head is damaged', async () => {
    expect(await refused(1, '--head', leaves, image)).toContain(
      `No trained head at ${leaves}: give the folder best`,
    );
    const cut = changedHead((record) => record.slice(0, 100));
    expect(await refused(1, '--head', cut, image)).toMatch(/Expected JSON in .*head\.json but it is damaged/);
  });

  it('a head that does not fit its features', async () => {
    const narrower = changedHead((record) => record.replace('"dimension": 1280', '"dimension": 1279'));
    expect(await refused(1, '--head', narrower, image)).toMatch(
      /Expected output\/kernel of shape 1279x2 for .*head\.safetensors but received "1280x2"/,
    );
    const other = changedHead((record) => record.replace('"avg"\n', '"flatten"\n'));
    expect(await refused(1, '--head', other, image)).toMatch(
      /Expected 1280 features for flatten of efficientnet_lite0 but received \d+/,
    );
  });

  it('weights other than those the head was trained behind', async () => {
    const head = join(run, 'best');
    expect(await refused(1, '--head', head, image, '--weights', 'imagenet')).toMatch(
      /Expected weights of efficientnet_lite0 with SHA-256 .* but imagenet has .* as --weights FILE/,
    );
    const moved = changedHead((record) => record.replace('"weights": "none"', '"weights": "gone.h5"'));
    expect(await refused(1, '--head', moved, image)).toContain(
      'Expected the weights of efficientnet_lite0 at gone.h5, where they were for extract, but there is no such file',
    );
    await done('predict', '--head', moved, image, '--weights', 'none');
    expect(await refused(2, '--head', join(fused, 'best'), image, '--weights', 'none')).toContain(
      'Expected one value for each backbone of the head (efficientnet_lite0, efficientnet_lite0) for --weights',
    );
  });

  it('images of which none can be read', async () => {
    const out = join(newFolder(), 'answers.csv');
    const missing = ['missing.jpg', '--format', 'csv', '--out', out];
    expect(await refused(1, '--head', join(run, 'best'), ...missing)).toContain(
      'Cannot read missing.jpg: no such file',
    );
    expect(existsSync(out) || existsSync(`${out}.tmp`)).toBe(false);
    const empty = newFolder();
    expect(await refused(1, '--head', join(run, 'best'), empty)).toContain(`Found no image in ${empty}`);
  });

  it.each([
    [['--head', 'h'], 'Missing images: name files, folders or globs'],
    [['a.jpg'], 'Missing --head'],
    [['a.jpg', '--head', 'h', '--formt', 'csv'], 'Unknown flag --formt (did you mean --format?)'],
    [
      ['a.jpg', '--head', 'h', '--spreadsheet-safe'],
      '--spreadsheet-safe works only with --format csv, not json',
    ],
    [['a.jpg', '--head', 'h', '--format', 'arrow'], 'Missing --out: --format arrow writes a file'],
    [
      ['a.jpg', '--head', 'h', '--format', 'csv', '--json'],
      'Missing --out: --format csv and --json cannot both write to stdout',
    ],
    [['a.jpg', '--head', 'h', '--top-k', '0'], 'Expected a whole number of at least 1 for --top-k'],
    [
      ['a.jpg', '--head', 'h', '--format', 'arrow', '--out', 'x', '--top-k', '1'],
      '--top-k cannot be combined with --format arrow',
    ],
    [['--watch', 'in', '--stdin', '--head', 'h'], '--watch cannot be combined with --stdin: '],
    [['a.jpg', '--head', 'h', '--batch-size', '0'], 'Expected a whole number of at least 1 for --batch-size'],
  ])('%j with status 2', async (args, message) => {
    expect(await refused(2, ...args)).toContain(message);
  });
});
