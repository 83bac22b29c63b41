/** The faults of fault-injection.test.ts in full number. */
import { describe, it } from 'vitest';
import { surviveChangedBytes, surviveFaults } from '../../../support/fault-injection/activations.ts';

describe('cached activations', () => {
  for (const code of ['ENOSPC', 'EIO', 'EACCES']) {
    for (const kept of [0, 4]) {
      it(`survive ${code} at any file-system call, with ${kept} cached before`, () =>
        surviveFaults(code, kept));
    }
  }

  it('are never wrong when bytes of them change', () => surviveChangedBytes(1000));
});
