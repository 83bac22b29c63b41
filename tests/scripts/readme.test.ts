/** What the README generates from the code. */
import { expect, it } from 'vitest';
import { readme } from '../../scripts/readme.ts';

it("the README's table of backbones is that of the registry (npm run readme)", () => {
  const { present, wanted } = readme();
  expect(wanted).toContain('| `efficientnet_lite0` |');
  expect(present).toBe(wanted);
});
