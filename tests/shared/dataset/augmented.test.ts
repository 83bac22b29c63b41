import { expect, it } from 'vitest';
import { augmentationOf } from '../../../src/shared/dataset/augmented.ts';
import type { FeatureStore } from '../../../src/shared/store/reader.ts';

const storeWith = (dir: string, augment: string | null) =>
  ({ dir, manifest: { augment } }) as Pick<FeatureStore, 'dir' | 'manifest'>;
const FLIPPED = 'flip;seed=0';
const views = Int16Array.of(0, 1, 2, 0, 1);

it('views are as many as any image has, and made as all stores say', () => {
  const stores = [storeWith('a', FLIPPED), storeWith('b', FLIPPED)];
  expect(augmentationOf(stores, views)).toEqual({ views: 2, kind: FLIPPED });
  expect(augmentationOf(stores.slice(1), Int16Array.of(0, 1))).toEqual({ views: 1, kind: FLIPPED });
});

it('views are none where only images themselves are joined, whatever the stores have', () => {
  const stores = [storeWith('a', FLIPPED), storeWith('b', 'flip;seed=1')];
  expect(augmentationOf(stores, new Int16Array(3))).toBeNull();
});

it('views of a store that does not say how it made them are not known', () => {
  expect(augmentationOf([storeWith('a', null)], views)).toBeNull();
});

it.each(['flip;seed=1', null])('views made by %j are not joined with others', (other) => {
  expect(() => augmentationOf([storeWith('a', FLIPPED), storeWith('b', other)], views)).toThrow(
    `Expected views made by ${FLIPPED} for b but received ${JSON.stringify(other)}`,
  );
});
