/** `extract` as it is installed: the built command, run in a process of its own. */
import { cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import { silent } from '../../src/shared/reporter.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { photo, photos } from '../support/class-folders.ts';
import { type Outcome, permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const DIST = new URL('../../dist/', import.meta.url);
/** A small image keeps each run at a second or two. */
const SMALL = ['--weights', 'none', '--size', '64x48'];

/** The built command. */
function extract(args: string[], options: Parameters<typeof permafrost>[1] = {}): Promise<Outcome> {
  return permafrost(['extract', ...args], options);
}

async function rows(store: string) {
  const found: { path: string; labels: string[]; avg: Float32Array }[] = [];
  for await (const { paths, labels, features } of (await openStore(store)).parts()) {
    const avg = features.get('avg')!;
    const dimension = avg.length / paths.length;
    paths.forEach((path, i) => {
      found.push({ path, labels: labels[i], avg: avg.slice(i * dimension, (i + 1) * dimension) });
    });
  }
  return found;
}

describe('extract', () => {
  it('computes features once, and then only of what is new', async () => {
    const data = await photos(6);
    const out = join(newFolder(), 'store');
    const args = ['--data', data, '--out', out, '--json', '--batch-size', '4', ...SMALL];
    const first = await extract(args);
    expect(first.status, first.stderr).toBe(0);
    expect(first.summary).toMatchObject({
      out,
      backbone: 'efficientnet_lite0',
      images: 6,
      computed: 6,
      reused: 0,
      failed: 0,
    });
    const before = await rows(out);
    const named = [0, 2, 4, 1, 3, 5].map((i) => `${'ab'[i % 2]}/image-${i}.jpg`);
    expect(before.map(({ path }) => path)).toEqual(named);
    expect((await openStore(out)).manifest).toMatchObject({
      complete: true,
      classes: ['a', 'b'],
      columns: [
        { name: 'avg', dimension: 1280 },
        ...[240, 480, 672, 1152].map((dimension, at) => ({
          name: `block${4 + at}a_expand_activation/avg`,
          dimension,
        })),
      ],
      pipeline: { size: { width: 64, height: 48 }, weights: 'none', dtype: 'float32' },
    });

    const unchanged = readFileSync(join(out, 'manifest.json'), 'utf8');
    expect((await extract(args)).summary).toMatchObject({ computed: 0, reused: 6 });
    expect(readFileSync(join(out, 'manifest.json'), 'utf8')).toBe(unchanged);

    // One moves to another class, one goes, one is copied, one is new.
    renameSync(join(data, 'b/image-5.jpg'), join(data, 'a/1st.jpg'));
    rmSync(join(data, 'a/image-2.jpg'));
    cpSync(join(data, 'a/image-0.jpg'), join(data, 'b/copy.jpg'));
    writeFileSync(join(data, 'b/new.jpg'), await photo(99));
    expect((await extract(args)).summary).toMatchObject({ images: 7, computed: 1, reused: 6, failed: 0 });
    const after = await rows(out);
    expect(after.map(({ path }) => path)).toEqual([
      'a/1st.jpg',
      'a/image-0.jpg',
      'a/image-4.jpg',
      'b/copy.jpg',
      'b/image-1.jpg',
      'b/image-3.jpg',
      'b/new.jpg',
    ]);
    expect(after[0]).toEqual({ path: 'a/1st.jpg', labels: ['a'], avg: before[5].avg });
    expect(after[3]).toEqual({ path: 'b/copy.jpg', labels: ['b'], avg: before[0].avg });
    expect(after[6].avg).not.toEqual(before[0].avg);
  });

  it('writes the same features whatever the batch size and the concurrency', async () => {
    const data = await photos(7);
    const [one, other] = [join(newFolder(), 'one'), join(newFolder(), 'other')];
    await extract(['--data', data, '--out', one, '--batch-size', '1', '--concurrency', '1', ...SMALL]);
    await extract(['--data', data, '--out', other, '--batch-size', '5', '--concurrency', '8', ...SMALL]);
    const [a, b] = [await rows(one), await rows(other)];
    expect(a.map(({ path }) => path)).toEqual(b.map(({ path }) => path));
    for (const [i, { avg }] of a.entries()) {
      const error = Math.hypot(...avg.map((value, k) => value - b[i].avg[k])) / Math.hypot(...avg);
      expect(error).toBeLessThan(1e-5);
    }
  });

  it('lists images that it cannot use, and goes on', async () => {
    const data = await photos(3);
    const [good] = [readFileSync(join(data, 'a/image-0.jpg'))];
    writeFileSync(join(data, 'a/cut.jpg'), good.subarray(0, good.length / 2));
    writeFileSync(join(data, 'a/nothing.png'), '');
    writeFileSync(join(data, 'b/text.jpg'), 'just some words');
    const out = join(newFolder(), 'store');
    const args = ['--data', data, '--out', out, '--json', ...SMALL];
    const { status, summary, stderr } = await extract(args);
    expect(status).toBe(0);
    expect(summary).toMatchObject({ images: 6, computed: 3, failed: 3 });
    expect(stderr).toContain('3 images could not be read: see');
    const failures = () =>
      readFileSync(join(out, 'errors.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    expect(failures()).toEqual([
      { path: 'a/cut.jpg', reason: expect.stringMatching(/truncated JPEG$/) },
      { path: 'a/nothing.png', reason: 'empty file' },
      { path: 'b/text.jpg', reason: 'not an image: starts with "just some words"' },
    ]);

    writeFileSync(join(data, 'a/cut.jpg'), await photo(50));
    expect((await extract(args)).summary).toMatchObject({ images: 6, computed: 1, reused: 3, failed: 2 });
    expect(failures()).toHaveLength(2);
    expect((await openStore(out)).manifest.counts).toEqual({ images: 6, rows: 4, failed: 2 });
  });

  it('stops at a bad image when asked to, and keeps what it has', async () => {
    const data = await photos(4);
    writeFileSync(join(data, 'b/zz.jpg'), 'no image');
    const out = join(newFolder(), 'store');
    const args = ['--data', data, '--out', out, '--json', '--batch-size', '2', ...SMALL];
    const strict = await extract([...args, '--on-error', 'fail']);
    expect(strict.status).toBe(1);
    expect(strict.stderr).toContain('b/zz.jpg: not an image: starts with "no image" (--on-error fail)');
    expect(strict.stderr).not.toMatch(/\n\s+at /);
    for (const limit of ['0', '19%']) {
      const limited = await extract([...args, '--max-errors', limit]);
      expect(limited.status).toBe(1);
      expect(limited.stderr).toContain('more failures than the 0 that --max-errors allows');
    }
    expect((await extract([...args, '--max-errors', '20%'])).summary).toMatchObject({
      computed: 0,
      reused: 4,
      failed: 1,
    });
  });

  it('fails when no image can be used, and leaves an earlier store alone', async () => {
    const data = await photos(2);
    const out = join(newFolder(), 'store');
    await extract(['--data', data, '--out', out, ...SMALL]);
    const csv = join(newFolder(), 'labels.csv');
    writeFileSync(csv, 'path,label\na/image-0.jpg,a\nb/image-1.jpg,b\n');
    const missing = await extract(['--data', csv, '--out', out, ...SMALL]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('None of the 2 images can be used; a/image-0.jpg: no such file');
    expect(missing.stderr).toContain('--root');
    expect(await rows(out)).toHaveLength(2);
    const found = await extract(['--data', csv, '--root', data, '--out', out, '--json', ...SMALL]);
    expect(found.summary).toMatchObject({ images: 2, computed: 0, reused: 2 });
  });

  it('skips images that a manifest lists but are not there', async () => {
    const root = await photos(2);
    writeFileSync(
      join(root, 'labels.csv'),
      'Filenames,x,y\na/image-0.jpg,1,1\nb/image-1.jpg,0,1\ngone.jpg,1,0\n',
    );
    const { summary } = await extract(['--data', 'labels.csv', '--json', ...SMALL], { cwd: root });
    const out = join('cache', `${root.split('/').at(-1)}-labels`, 'efficientnet_lite0');
    expect(summary).toMatchObject({ out, images: 3, computed: 2, failed: 1 });
    expect((await rows(join(root, out))).map(({ labels }) => labels)).toEqual([['x', 'y'], ['y']]);
  });

  it('does not mix pipelines in one store', async () => {
    const data = await photos(2);
    const out = join(newFolder(), 'store');
    await extract(['--data', data, '--out', out, ...SMALL]);
    const other = await extract([
      '--data',
      data,
      '--out',
      out,
      '--weights',
      'none',
      '--size',
      '48x64',
      '--dtype',
      'float16',
    ]);
    expect(other.status).toBe(1);
    expect(other.stderr).toContain(
      'size 48x64 (there: 64x48), dtype float16 (there: float32). Give another --out',
    );
    const half = await extract([
      '--data',
      data,
      '--out',
      `${out}-half`,
      '--dtype',
      'float16',
      '--pooling',
      'avg,max',
      '--json',
      ...SMALL,
    ]);
    expect(half.summary).toMatchObject({ computed: 2 });
    const [full, rounded] = [await rows(out), await rows(`${out}-half`)];
    full[0].avg.forEach((value, i) => {
      expect(Math.abs(rounded[0].avg[i] - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
    });
  });

  it('keeps the features of each pipeline where its place is left to it', async () => {
    const cwd = newFolder();
    const args = ['--data', await photos(2), '--weights', 'none', '--json', '--size'];
    const first = await extract([...args, '64x48'], { cwd });
    const other = await extract([...args, '48x64'], { cwd });
    expect(other.summary).toMatchObject({ computed: 2 });
    expect(other.summary.out).toMatch(new RegExp(`^${first.summary.out}-[0-9a-f]{8}$`));
    for (const [size, { summary }] of [
      ['64x48', first],
      ['48x64', other],
    ] as const) {
      const again = await extract([...args, size], { cwd });
      expect(again.summary).toMatchObject({ out: summary.out, computed: 0, reused: 2 });
    }
  });

  it('repeats its warnings at the end, also where it finds nothing to do', async () => {
    const data = await photos(2);
    rmSync(join(data, 'b'), { recursive: true });
    const args = ['--data', data, '--out', join(newFolder(), 'store'), ...SMALL];
    for (const done of ['1 computed, 0 reused', '0 computed, 1 reused']) {
      const { stderr } = await extract(args);
      const [, warning] = /^warning: (.*)$/m.exec(stderr)!;
      expect(stderr).toMatch(new RegExp(`: ${done}, .*\n1 warning:\n.*\n$`));
      expect(stderr.endsWith(`\n1 warning:\n  ${warning}\n`)).toBe(true);
    }
  });

  it('repairs a damaged store, and says so', async () => {
    const data = await photos(3);
    const out = join(newFolder(), 'store');
    const args = ['--data', data, '--out', out, '--json', ...SMALL];
    await extract(args);
    truncateSync(join(out, 'part-00000.arrow'), 1000);
    const repaired = await extract(args);
    expect(repaired.stderr).toContain('part-00000.arrow has 1000 bytes');
    expect(repaired.summary).toMatchObject({ computed: 3, reused: 0 });
    expect(await rows(out)).toHaveLength(3);
    writeFileSync(join(out, 'manifest.json'), '{"format"');
    const refused = await extract(args);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/Expected JSON in .*manifest\.json but it is damaged/);
  });

  it('keeps what was computed when it is interrupted', async () => {
    const root = await photos(12);
    const dataset = await openDataset({ data: root });
    const out = join(newFolder(), 'store');
    const library: typeof import('../../src/extract/extract.ts') = await import(
      new URL('extract/extract.js', DIST).href
    );
    const abort = new AbortController();
    const progress = () => ({ advance: () => abort.abort(new Error('enough')), stop: () => {} });
    const run = library.extract(
      {
        dataset,
        jobs: [
          {
            backbone: {
              name: 'efficientnet_lite0',
              weights: 'none',
              size: { width: 64, height: 48 },
              poolings: ['avg'],
              engine: 'auto',
            },
            out,
          },
        ],
        dtype: 'float32',
        batchSize: 2,
        concurrency: 2,
        onError: 'skip',
      },
      { signal: abort.signal, reporter: { ...silent, progress } },
    );
    await expect(run).rejects.toThrow('enough');
    const { manifest } = await openStore(out);
    expect(manifest.complete).toBe(false);
    const kept = manifest.counts.rows;
    expect(kept).toBeGreaterThanOrEqual(2);
    expect(kept).toBeLessThan(12);
    const { summary } = await extract(['--data', root, '--out', out, '--json', '--layer', 'last', ...SMALL]);
    expect(summary).toMatchObject({ images: 12, computed: 12 - kept, reused: kept });
    expect((await rows(out)).map(({ path }) => path)).toEqual(dataset.images.map(({ path }) => path));
  });

  it('ends with status 130 at Ctrl-C', async () => {
    const root = await photos(4);
    const { status, stderr } = await extract(
      ['--data', root, '--out', join(newFolder(), 'store'), ...SMALL],
      {
        // Once: a second signal ends the process on the spot.
        onStderr: (_, child) => void (child.killed || child.kill('SIGINT')),
      },
    );
    expect(stderr).toContain('Interrupted: what was done is kept');
    expect(status).toBe(130);
  });
});
