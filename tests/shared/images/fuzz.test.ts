import { it } from 'vitest';
import { fuzzImages } from '../../support/fuzz/images.ts';

it('fuzzed images are decoded or refused with a reason', () => fuzzImages(150, 1));
