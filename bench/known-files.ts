/**
 * What it costs to remember many files: `npx tsx bench/known-files.ts [FILES]` (default 5000000). Files are remembered,
 * written down, read again and looked up, without a disk in between but for files.jsonl itself.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKnownFiles } from '../src/extract/known-files.ts';
import { disk } from '../src/shared/store/files.ts';

const count = Number(process.argv[2] ?? 5_000_000);
const dir = mkdtempSync(join(tmpdir(), 'permafrost-known-'));
const nameOf = (i: number) =>
  `class-${String(i % 1000).padStart(3, '0')}/IMG_${String(i).padStart(8, '0')}.jpg`;
const hash = createHash('sha256').update('content').digest('hex');
const hashOf = (i: number) => i.toString(16).padStart(8, '0') + hash.slice(8);
const stat = disk.stat;
disk.stat = (async (path: string) => {
  const i = Number(path);
  return Number.isNaN(i)
    ? stat(path)
    : { size: 50_000 + i, mtimeMs: 1.7e12 + i / 7, ctimeMs: 1.7e12 + i, ino: i };
}) as typeof disk.stat;

try {
  const remembered = await timed(async () => {
    const known = await openKnownFiles(dir);
    for (let i = 0; i < count; i++) {
      await known.hashOf(nameOf(i), String(i));
      known.remember(nameOf(i), hashOf(i));
    }
    return known;
  });
  const saved = await timed(() => remembered.result.save());
  const opened = await timed(() => openKnownFiles(dir, { warn: (message) => console.log(message) }));
  let found = 0;
  const looked = await timed(async () => {
    for (let i = 0; i < count; i++)
      if ((await opened.result.hashOf(nameOf(i), String(i))) === hashOf(i)) found++;
  });
  const file = statSync(join(dir, 'files.jsonl')).size;
  const { maxRSS } = process.resourceUsage();
  console.log(
    JSON.stringify({
      files: count,
      found,
      megabytes: Math.round(file / 1e6),
      seconds: {
        remember: remembered.seconds,
        save: saved.seconds,
        open: opened.seconds,
        find: looked.seconds,
      },
      peakMegabytes: Math.round((maxRSS * 1024) / 1e6),
    }),
  );
} finally {
  rmSync(dir, { recursive: true });
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const started = performance.now();
  const result = await work();
  return { result, seconds: Math.round((performance.now() - started) / 100) / 10 };
}
