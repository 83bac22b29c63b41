/** Manifests that are damaged, or larger than memory. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../../../src/shared/manifest/read.ts';
import { random } from '../../../src/shared/random.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { mutated } from '../mutated.ts';

const ROWS = Array.from({ length: 40 }, (_, i) => [
  `class/"${i}", é.jpg`,
  i % 3 ? 'a|b' : 'c',
  ['train', 'val', ''][i % 3],
]);
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const table = (separator: string) =>
  [['path', 'label', 'split'], ...ROWS].map((row) => row.map(quoted).join(separator)).join('\n');

const MANIFESTS = new Map<string, string | Buffer>([
  ['list.csv', table(',')],
  ['semicolons.csv', table(';')],
  ['wide.csv', Buffer.from(table(','), 'utf16le')],
  ['western.csv', Buffer.from(table(','), 'latin1')],
  ['list.tsv', table('\t')],
  [
    'list.jsonl',
    ROWS.map(([path, label, split]) => JSON.stringify({ path, label: label.split('|'), split })).join('\n'),
  ],
]);

async function read(name: string, bytes: Buffer): Promise<number> {
  let rows = 0;
  for await (const row of readManifest(name, Readable.from([bytes]), {}, silent)) {
    expect(row.path).toMatch(/\S/);
    expect(new Set(row.labels).size).toBe(row.labels.length);
    expect([null, 'train', 'val', 'test']).toContain(row.split);
    rows++;
  }
  return rows;
}

describe('manifests', () => {
  it('2,000 damaged ones give whole rows or say what is wrong, and none hangs', async () => {
    const stream = random(11, 'mutated manifests');
    const names = [...MANIFESTS.keys()];
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const name = names[i % names.length];
      const bytes = mutated(Buffer.from(MANIFESTS.get(name)!), stream);
      const started = performance.now();
      const outcome = await read(name, bytes).catch((thrown: unknown) => thrown);
      // A bound, not a speed: a hang would never get here.
      expect(performance.now() - started, `manifest ${i}`).toBeLessThan(10_000);
      if (typeof outcome === 'number') continue;
      refused++;
      expect(outcome, `manifest ${i}`).toMatchObject({
        name: 'InputError',
        message: expect.stringContaining(name),
      });
    }
    expect(refused).toBeGreaterThan(500);
    expect(refused).toBeLessThan(2000);
  });

  it('one of 10 million rows passes through in the memory of a few', async () => {
    const PIECE = 10_000;
    const pieces = function* () {
      yield 'path,label\n';
      for (let start = 0; start < 10_000_000; start += PIECE) {
        let text = '';
        for (let i = start; i < start + PIECE; i++) text += `folder/of/photos/${i}.jpg,${i % 10}\n`;
        yield text;
      }
    };
    let rows = 0;
    let most = 0;
    for await (const { path } of readManifest('large.csv', Readable.from(pieces()), {}, silent)) {
      rows++;
      if (rows % 100_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
      if (rows === 10_000_000) expect(path).toBe('folder/of/photos/9999999.jpg');
    }
    expect(rows).toBe(10_000_000);
    // All rows together would be more than 1 GB.
    expect(most).toBeLessThan(300e6);
  });
});
