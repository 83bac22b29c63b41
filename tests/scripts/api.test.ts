/** What docs/api.md is made from. */
import { expect, it } from 'vitest';
import { api, missingTypes } from '../../scripts/api.ts';

it('docs/api.md is made from what is exported now (npm run docs)', () => {
  const { present, wanted } = api();
  expect(wanted).toContain('## openPredictor\n\nLoads a head and its backbones.');
  expect(present).toBe(wanted);
});

it('every type that an export is declared with is exported, too', () => {
  expect(missingTypes()).toEqual([]);
});
