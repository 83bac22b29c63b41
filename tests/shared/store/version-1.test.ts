/** Stores that an earlier version wrote. */
import { cpSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openStore } from '../../../src/shared/store/reader.ts';
import { readStoredParts } from '../../../src/shared/store/stored-parts.ts';
import { numbers, rowsOf } from '../../support/fault-injection/store.ts';
import { newFolder } from '../../support/folders.ts';
import { row, writerOf } from '../../support/store-rows.ts';

it('a store of format version 1 opens and can be added to', async () => {
  const dir = newFolder();
  cpSync(new URL('golden/version-1', import.meta.url), dir, { recursive: true });
  const ungrouped = (i: number) => ({ ...row(i), record: { ...row(i).record, group: null } });
  expect(await rowsOf(dir)).toEqual(numbers.map(ungrouped));
  const before = readdirSync(dir).sort();
  const { storedParts } = await readStoredParts(dir, (await openStore(dir)).manifest);
  const writer = await writerOf(dir, { storedParts, partBytes: 80 });
  const records = [
    ...numbers.map((i) => ungrouped(i).record),
    row(10).record,
    row(11).record,
    row(12).record,
  ];
  for (const i of [10, 11, 12]) await writer.append(row(i).record, row(i).features);
  await writer.finish({ rows: records, failed: 0 });
  // Parts that are as they should be stay as version 1 wrote them.
  expect(readdirSync(dir)).toEqual(expect.arrayContaining(before.slice(0, 3)));
  const wanted = [...numbers.map(ungrouped), row(10), row(11), row(12)];
  expect(await rowsOf(dir)).toEqual(wanted);
});
