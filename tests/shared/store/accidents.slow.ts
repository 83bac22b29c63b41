/** The accidents of accidents.test.ts in full number. */
import { describe, it } from 'vitest';
import { surviveFaults, surviveMutations } from './accidents.ts';

describe('a store', () => {
  for (const code of ['ENOSPC', 'EIO', 'EACCES']) {
    for (const kept of [0, 6]) {
      it(`of ${kept} rows survives ${code} at any file-system call`, () => surviveFaults(code, kept));
    }
  }

  it('gives no wrong row when bytes of it change', () => surviveMutations(2000));
});
