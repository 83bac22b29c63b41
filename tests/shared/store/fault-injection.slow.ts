/** The faults of fault-injection.test.ts in full number. */
import { describe, it } from 'vitest';
import { surviveChangedBytes, surviveFaults } from '../../support/fault-injection/store.ts';

describe('a store', () => {
  for (const code of ['ENOSPC', 'EIO', 'EACCES']) {
    for (const kept of [0, 6]) {
      it(`of ${kept} rows survives ${code} at any file-system call`, () => surviveFaults(code, kept));
    }
  }

  it('gives no wrong row when bytes of it change', () => surviveChangedBytes(2000));
});
