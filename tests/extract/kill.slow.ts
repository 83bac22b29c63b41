import { describe, it } from 'vitest';
import { surviveKills } from './kill.ts';

describe('an extraction', () => {
  it('killed at 100 random moments ends as if it had not been', () =>
    surviveKills({ kills: 100, images: 250, seed: 1 }));
});
