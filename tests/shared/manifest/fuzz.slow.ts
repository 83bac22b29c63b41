/** Manifests changed at random. */
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readManifest } from '../../../src/shared/manifest/read.ts';
import { random } from '../../../src/shared/random.ts';
import { silent } from '../../../src/shared/reporter.ts';
import { fuzzBytes } from '../../support/fuzz/bytes.ts';

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

it('2,000 fuzzed manifests give whole rows or say what is wrong, and none hangs', async () => {
  const stream = random(11, 'mutated manifests');
  const names = [...MANIFESTS.keys()];
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const name = names[i % names.length];
    const bytes = fuzzBytes(Buffer.from(MANIFESTS.get(name)!), stream);
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
