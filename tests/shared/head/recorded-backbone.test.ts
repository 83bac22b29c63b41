/** Whether a backbone still gives what a head was trained on. */
import { expect, it } from 'vitest';
import type { HeadSource } from '../../../src/shared/head/record.ts';
import { checkBackbone } from '../../../src/shared/head/recorded-backbone.ts';
import { MATHS_VERSION } from '../../../src/shared/store/pipeline.ts';
import { pipeline } from '../../support/pipeline.ts';

function source(maths: number): HeadSource {
  return {
    pipeline: { ...pipeline(), resize: 'bilinear', precision: 'fp32', maths },
    columns: ['avg'],
    dimension: 3,
  };
}

function check(maths: number): void {
  const head = source(maths);
  const { backbone, weights, weightsHash, size, preprocessing } = head.pipeline;
  const columns = [{ name: 'avg', dimension: head.dimension }];
  const resize = { fit: 'stretch', interpolation: 'bilinear' } as const;
  checkBackbone(head, { backbone, weights, weightsHash, size, preprocessing, columns, resize } as never);
}

it.each([
  [MATHS_VERSION - 1, 'an earlier version'],
  [MATHS_VERSION + 1, 'a later version'],
])('a head of maths version %i is refused with what to do', (maths, version) => {
  expect(() => check(maths)).toThrow(version);
  expect(() => check(maths)).toThrow('extract the features again and train the head on them');
});

it('a head of this version is taken', () => {
  expect(() => check(MATHS_VERSION)).not.toThrow();
});
