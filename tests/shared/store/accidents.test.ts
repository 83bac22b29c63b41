/** Whatever happens to a store, it never gives a wrong row, and the next run completes it. */
import { cpSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { disk } from '../../../src/shared/store/files.ts';
import { openStore } from '../../../src/shared/store/reader.ts';
import { readStoredParts } from '../../../src/shared/store/stored-parts.ts';
import { numbers, rowsOf, run, surviveFaults, surviveMutations } from './accidents.ts';
import { failCall } from './failing-disk.ts';
import { newFolder, row, writerOf } from './fixture.ts';

describe('a store', () => {
  it('survives a full disk at any file-system call', () => surviveFaults('ENOSPC', 6));

  it('says what is wrong when its folder cannot be written', async () => {
    const dir = newFolder();
    const faults = failCall(disk, 2, 'EROFS');
    await expect(run(dir)).rejects.toThrow(/^Cannot .*: the file system is read-only \(EROFS\)$/);
    faults.undo();
  });

  it('gives no wrong row when bytes of it change', () => surviveMutations(200));

  it('of format version 1 keeps opening, and is gone on from', async () => {
    const dir = newFolder();
    cpSync(new URL('./golden/version-1', import.meta.url), dir, { recursive: true });
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
});
