/**
 * Peak memory of `extract` for data sets of several sizes: `npx tsx bench/extract-memory.ts [IMAGES...]` (default 500
 * 1000 5000 20000; npm run build first). The images are a few hundred drawn ones under many names, each with some bytes
 * of its own behind its end, so that every one is computed. Linux only: the peak is read from /proc.
 */
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { random } from '../src/shared/random.ts';
import { peakOf } from './peak-memory.ts';

const ORIGINALS = 50;

const sizes = process.argv.slice(2).map(Number);
const work = mkdtempSync(join(tmpdir(), 'permafrost-memory-'));

async function originals(): Promise<string[]> {
  const stream = random(1, 'memory');
  const files = Array.from({ length: ORIGINALS }, (_, i) => join(work, `${i}.jpg`));
  for (const file of files) {
    const pixels = Buffer.from(Array.from({ length: 40 * 40 * 3 }, () => stream.integer(256)));
    await sharp(pixels, { raw: { width: 40, height: 40, channels: 3 } })
      .jpeg({ quality: 60 })
      .toFile(file);
  }
  return files;
}

/** Copies that differ behind the end of the image. */
function fill(folder: string, files: readonly string[], count: number): void {
  for (const name of ['a', 'b']) mkdirSync(join(folder, name), { recursive: true });
  for (let i = 0; i < count; i++) {
    const path = join(folder, 'ab'[i % 2], `${i}.jpg`);
    copyFileSync(files[i % files.length], path);
    appendFileSync(path, String(i));
  }
}

const files = await originals();
let first: number | undefined;
for (const count of sizes.length > 0 ? sizes : [500, 1000, 5000, 20_000]) {
  const folder = join(work, String(count));
  fill(folder, files, count);
  const out = join(work, `store-${count}`);
  const { peak, seconds } = await peakOf(['extract', '--data', folder, '--size', '32x32', '--out', out]);
  first ??= peak;
  console.log(
    `${count} images: ${(peak / 1e6).toFixed(0)} MB, ${(peak / first).toFixed(3)} of the first, ${seconds.toFixed(0)} s`,
  );
  rmSync(folder, { recursive: true });
  rmSync(out, { recursive: true });
}
rmSync(work, { recursive: true });
