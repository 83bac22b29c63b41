import { expect, it } from 'vitest';
import { allRows, rowsWhere, spreadRows } from '../../../src/shared/dataset/row-numbers.ts';

it('rows are all, those that fit, or some that are spread evenly', () => {
  expect([...allRows(4)]).toEqual([0, 1, 2, 3]);
  expect([...rowsWhere(9, (row) => row % 3 === 1)]).toEqual([1, 4, 7]);
  expect([...rowsWhere(3, () => false)]).toEqual([]);
  expect([...spreadRows(10, 4)]).toEqual([0, 2, 5, 7]);
  expect([...spreadRows(1000, 2)]).toEqual([0, 500]);
  expect([...spreadRows(3, 9)]).toEqual([0, 1, 2]);
  expect([...spreadRows(0, 9)]).toEqual([]);
});
