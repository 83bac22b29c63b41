import { describe, it } from 'vitest';
import { surviveMutations } from './mutations.ts';

describe('damaged images', () => {
  it('are decoded or refused with a reason', () => surviveMutations(150, 1));
});
