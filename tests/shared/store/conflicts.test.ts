import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { narrowFloat16 } from '../../../src/shared/float16.ts';
import { writeConflicts } from '../../../src/shared/store/conflicts.ts';
import type { RowRecord } from '../../../src/shared/store/part-buffer.ts';
import { newFolder } from '../../support/folders.ts';
import { row } from '../../support/store-rows.ts';

const image = (path: string, content: number, labels: string[], view = 0): RowRecord => ({
  ...row(content).record,
  path,
  labels,
  view,
});

it('copies with other labels are listed by image, and no file is left where there are none', async () => {
  const dir = newFolder();
  const path = join(dir, 'conflicts.jsonl');
  const agreeing = [image('a', 1, ['x', 'y']), image('b', 1, ['y', 'x']), image('c', 2, ['x'])];
  expect(await writeConflicts(dir, agreeing)).toBe(0);
  expect(existsSync(path)).toBe(false);
  const rows = [
    ...agreeing,
    image('d', 2, ['y']),
    image('e', 2, ['x']),
    image('f', 3, ['x']),
    image('f', 3, ['y'], 1),
  ];
  expect(await writeConflicts(dir, rows)).toBe(1);
  expect(
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    {
      sha256: row(2).record.sha256,
      images: [
        { path: 'c', labels: ['x'] },
        { path: 'd', labels: ['y'] },
        { path: 'e', labels: ['x'] },
      ],
    },
  ]);
  // They were mended.
  expect(await writeConflicts(dir, agreeing)).toBe(0);
  expect(existsSync(path)).toBe(false);
});

it('half precision keeps infinities with their sign, and what is no number', () => {
  const values = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
  const [plus, minus, none] = narrowFloat16(values);
  expect([plus, minus]).toEqual([0x7c00, 0xfc00]);
  expect(none & 0x7fff).toBeGreaterThan(0x7c00);
});
