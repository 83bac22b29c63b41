/** Extractions that are killed at random moments, and what is left of them. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect } from 'vitest';
import { type Random, random } from '../../../src/shared/random.ts';
import { openStore } from '../../../src/shared/store/reader.ts';
import { newFolder } from '../folders.ts';

const COMMAND = fileURLToPath(new URL('../../../dist/permafrost.js', import.meta.url));
async function photos(count: number, stream: Random): Promise<string> {
  const root = newFolder();
  for (const name of ['a', 'b']) mkdirSync(join(root, name));
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.from(Array.from({ length: 24 * 16 * 3 }, () => stream.integer(256)));
    const png = await sharp(pixels, { raw: { width: 24, height: 16, channels: 3 } })
      .png()
      .toBuffer();
    writeFileSync(join(root, 'ab'[i % 2], `${i}.png`), png);
  }
  return root;
}

/** One run; killed with SIGKILL after `lives` milliseconds unless it is done before. */
function extract(
  data: string,
  out: string,
  lives?: number,
): Promise<{ done: boolean; stderr: string; computed: number }> {
  const args = ['extract', '--data', data, '--out', out, '--weights', 'none', '--size', '96x96', '--json'];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [COMMAND, ...args]);
    const timer = lives === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), lives);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      const computed = status === 0 ? JSON.parse(stdout.trimEnd().split('\n').at(-1)!).computed : 0;
      resolve({ done: status === 0, stderr, computed });
    });
  });
}

/** Every row as bytes, in order. */
async function contentOf(out: string): Promise<string[]> {
  const rows: string[] = [];
  for await (const { rows: count, paths, sha256, labels, phashes, features } of (
    await openStore(out)
  ).parts()) {
    const avg = features.get('avg')!;
    const width = avg.length / count;
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.from(avg.slice(i * width, (i + 1) * width).buffer);
      rows.push([paths[i], sha256[i], labels[i].join('|'), phashes[i], bytes.toString('base64')].join(' '));
    }
  }
  return rows;
}

/**
 * Kills extractions of `images` images `kills` times at random moments, taking up the store again each time (and
 * starting a new one whenever one gets done), and compares every finished store with one made without a kill.
 */
export async function surviveKills({
  kills,
  images,
  seed,
}: {
  kills: number;
  images: number;
  seed: number;
}): Promise<void> {
  const stream = random(seed, 'kills');
  const data = await photos(images, stream);
  const folder = newFolder();
  const started = performance.now();
  const whole = join(folder, 'whole');
  expect((await extract(data, whole)).computed).toBe(images);
  const wholeTime = performance.now() - started;
  const wanted = await contentOf(whole);

  let killed = 0;
  let finished = 0;
  let out = join(folder, `killed-${finished}`);
  let kept = 0;
  while (killed < kills) {
    const { done, stderr } = await extract(data, out, stream.uniform() * wholeTime * 1.1);
    expect(stderr).not.toMatch(/\n\s+at |Unexpected failure|Damaged/);
    if (done) {
      expect(await contentOf(out)).toEqual(wanted);
      finished++;
      out = join(folder, `killed-${finished}`);
      kept = 0;
      continue;
    }
    killed++;
    const rows = await openStore(out).then(
      (store) => store.rows,
      () => 0,
    );
    // What was committed stays committed.
    expect(rows).toBeGreaterThanOrEqual(kept);
    kept = rows;
  }
  const last = await extract(data, out);
  expect(last.done, last.stderr).toBe(true);
  // Nothing that was committed is computed again.
  expect(last.computed).toBe(images - kept);
  expect(await contentOf(out)).toEqual(wanted);
}
