import { describe, it } from 'vitest';
import { surviveKills } from './kill.ts';

describe('an extraction', () => {
  it('killed at random moments ends as if it had not been', () =>
    surviveKills({ kills: 4, images: 150, seed: 2 }));
});
