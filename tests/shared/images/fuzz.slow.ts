import { it } from 'vitest';
import { fuzzImages } from '../../support/fuzz/images.ts';

it('fuzzed images are decoded or refused with a reason, 2,000 of them', () => fuzzImages(2000, 2));
