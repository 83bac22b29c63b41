/** What docs/backbones.md generates from the code. */
import { expect, it } from 'vitest';
import { backbonesPage } from '../../scripts/backbones-page.ts';

it('the tables of backbones and depths are those of the registry (npm run backbones-page)', () => {
  const { present, wanted } = backbonesPage();
  expect(wanted).toContain('| `efficientnet_lite0` |');
  expect(present).toBe(wanted);
});
