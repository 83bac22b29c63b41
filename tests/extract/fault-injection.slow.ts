import { it } from 'vitest';
import { surviveKills } from '../support/fault-injection/extraction.ts';

it('an extraction that is killed at 100 random moments ends as if it had not been', () =>
  surviveKills({ kills: 100, images: 250, seed: 1 }));
