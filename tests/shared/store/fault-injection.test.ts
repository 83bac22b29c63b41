/** Whatever happens to a store, it never gives a wrong row, and the next run completes it. */
import { describe, expect, it } from 'vitest';
import { disk } from '../../../src/shared/store/files.ts';
import { failCall } from '../../support/fault-injection/disk.ts';
import { run, surviveChangedBytes, surviveFaults } from '../../support/fault-injection/store.ts';
import { newFolder } from '../../support/folders.ts';

describe('a store', () => {
  it('survives a full disk at any file-system call', () => surviveFaults('ENOSPC', 6));

  it('says what is wrong when its folder cannot be written', async () => {
    const dir = newFolder();
    const faults = failCall(disk, 2, 'EROFS');
    await expect(run(dir)).rejects.toThrow(/^Cannot .*: the file system is read-only \(EROFS\)$/);
    faults.undo();
  });

  it('gives no wrong row when bytes of it change', () => surviveChangedBytes(200));
});
