import { describe, it } from 'vitest';
import { surviveMutations } from './mutations.ts';

describe('damaged images', () => {
  it('are decoded or refused with a reason, 2,000 of them', () => surviveMutations(2000, 2));
});
