/**
 * A million images from end to end: time and peak memory of `extract`, of `extract` once more with nothing to do, and of
 * `train-head`: `npx tsx bench/million.ts [IMAGES]` (default 1000000; npm run build first). The images are PNGs of 8x8
 * pixels, so that what is measured is everything but the backbone. Linux only: the peak is read from /proc.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { openStore } from '../src/shared/store/reader.ts';
import { peakOf } from './peak-memory.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const CLASSES = 100;
const SIDE = 8;

/** A PNG whose pixels are those of no other number, and whose colours are those of its class. */
function png(number: number): Buffer {
  const rows = Buffer.alloc(SIDE * (1 + 3 * SIDE));
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const offset = y * (1 + 3 * SIDE) + 1 + 3 * x;
      rows[offset] = ((number % CLASSES) * 37) & 255;
      rows[offset + 1] = (number >> (8 * (x % 3))) & 255;
      rows[offset + 2] = (y * 29 + x * 31) & 255;
    }
  const header = Buffer.from([0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const around = Buffer.alloc(8);
  around.writeUInt32BE(data.length, 0);
  around.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)]);
}

const work = mkdtempSync(join(tmpdir(), 'permafrost-million-'));
const [data, out] = [join(work, 'data'), join(work, 'store')];
try {
  for (let label = 0; label < CLASSES; label++)
    mkdirSync(join(data, `class-${String(label).padStart(2, '0')}`), { recursive: true });
  const started = performance.now();
  for (let number = 0; number < count; number++) {
    const folder = `class-${String(number % CLASSES).padStart(2, '0')}`;
    writeFileSync(join(data, folder, `${String(number).padStart(8, '0')}.png`), png(number));
  }
  console.log(`${count} images of ${SIDE}x${SIDE} pixels: ${seconds(performance.now() - started)} to make`);

  const backbone = ['--backbone', 'mobilenet_0.25', '--weights', 'none', '--size', '32x32'];
  const extract = ['extract', '--data', data, '--out', out, ...backbone, '--batch-size', '64'];
  await measured('extract', extract);
  const { manifest, rows } = await openStore(out);
  console.log(`  ${rows} rows in ${manifest.parts.length} parts, ${manifest.counts.failed} images failed`);
  await measured('extract, nothing new', extract);
  const training = ['--epochs', '1', '--batch-size', '1024', '--lr', '1e-2', '--no-report'];
  await measured('train-head, one epoch', [
    'train-head',
    '--features',
    out,
    '--out',
    join(work, 'run'),
    ...training,
  ]);
} finally {
  rmSync(work, { recursive: true });
}

async function measured(what: string, args: readonly string[]): Promise<void> {
  const { peak, seconds: took } = await peakOf(args);
  const rate = (count / took).toFixed(0);
  console.log(`${what}: ${took.toFixed(0)} s (${rate} images/s), at most ${(peak / 1e6).toFixed(0)} MB`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(0)} s`;
}
