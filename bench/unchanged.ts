/**
 * What an `extract` that finds nothing to do costs for many files: `npx tsx bench/unchanged.ts [FILES]` (default
 * 100000; npm run build first). A first run on a few images makes the store; its rows and files.jsonl are then
 * multiplied, so that no image need be computed.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { openKnownFiles } from '../src/extract/known-files.ts';
import { openStore } from '../src/shared/store/reader.ts';
import { createStoreWriter } from '../src/shared/store/writer.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const count = Number(process.argv[2] ?? 100_000);
const work = mkdtempSync(join(tmpdir(), 'permafrost-unchanged-'));
const data = join(work, 'data');
const out = join(work, 'store');
// As little to read back as any backbone gives.
const flags = ['--backbone', 'mobilenet_0.25', '--weights', 'none', '--size', '32x32', '--json'];

function extract(): Record<string, number> {
  const args = [PROGRAM, 'extract', '--data', data, '--out', out, ...flags];
  const stdout = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
}

const image = await sharp({ create: { width: 32, height: 32, channels: 3, background: 'teal' } })
  .jpeg()
  .toBuffer();
const old = new Date(Date.now() - 3_600_000);
const paths = Array.from(
  { length: count },
  (_, i) => `${'ab'[i % 2]}/${String(i).padStart(7, '0')}.jpg`,
).sort();
const hashes = new Map<string, string>();
for (const label of 'ab') mkdirSync(join(data, label), { recursive: true });
for (const path of paths.slice(0, 10))
  writeFileSync(join(data, path), Buffer.concat([image, Buffer.from(path)]));
extract();
for (const path of paths) {
  const bytes = Buffer.concat([image, Buffer.from(path)]);
  writeFileSync(join(data, path), bytes);
  utimesSync(join(data, path), old, old);
  hashes.set(path, createHash('sha256').update(bytes).digest('hex'));
}
const { manifest } = await openStore(out);
rmSync(out, { recursive: true });
const { columns, pipeline } = manifest;
const store = await createStoreWriter(out, { pipeline, columns, classes: ['a', 'b'], images: count });
const features = columns.map(({ dimension }) => new Float32Array(dimension).fill(0.5));
for (const path of paths) {
  const record = { path, sha256: hashes.get(path)!, labels: [path[0]], split: null, view: 0, group: null };
  await store.append(record, features);
}
await store.finish({ failed: 0 });
// A file that has just changed is not trusted.
await new Promise((resolve) => setTimeout(resolve, 2500));
const files = await openKnownFiles(out);
for (const path of paths) {
  await files.hashOf(path, join(data, path));
  files.remember(path, hashes.get(path)!);
}
await files.save();
const started = performance.now();
const summary = extract();
const seconds = (performance.now() - started) / 1000;
console.log(
  `${summary.images} files, ${summary.computed} computed, ${summary.reused} reused: ${seconds.toFixed(1)} s whole, ${summary.seconds} s by its own count`,
);
rmSync(work, { recursive: true });
