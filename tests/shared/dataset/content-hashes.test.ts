/** Packed content hashes, against the same work on text. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  compareHashes,
  firstWithHash,
  hashOf,
  pickHashes,
} from '../../../src/shared/dataset/content-hashes.ts';
import { hashesOf } from '../../support/content-hashes.ts';

const texts = fc.array(fc.constantFrom('a', 'aa', 'b', 'zz', 'abc'), { minLength: 1, maxLength: 40 });

it('finds the first row of each content among those that count', () => {
  fc.assert(
    fc.property(texts, fc.nat(), (contents, mask) => {
      const counts = (row: number) => ((mask >> (row % 20)) & 1) === 0;
      const first = firstWithHash(hashesOf(contents), counts);
      const expected = contents.map((text, row) =>
        counts(row) ? contents.findIndex((other, index) => counts(index) && other === text) : -1,
      );
      expect([...first]).toEqual(expected);
    }),
  );
});

it('picks, reads and compares hashes as their text', () => {
  const hashes = hashesOf(['b', 'a', 'b']);
  expect(hashOf(hashes, 1)).toBe(`61${'0'.repeat(62)}`);
  expect(pickHashes(hashes, Int32Array.of(2, 1))).toEqual(hashesOf(['b', 'a']));
  expect([compareHashes(hashes, 0, 1), compareHashes(hashes, 1, 0), compareHashes(hashes, 0, 2)]).toEqual([
    1, -1, 0,
  ]);
});
