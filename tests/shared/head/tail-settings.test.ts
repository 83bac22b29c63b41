/** Options of a tail in head.json. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { checkConfig } from '../../../src/shared/head/config-check.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';

const config = resolveConfig({}, 'multiclass');
const tail = {
  from: 'block7a_expand_conv',
  train: 'all',
  batchNorm: 'trainable',
  lrTail: 0.1,
  clip: 1,
} as const;
const check = (fields: object) => checkConfig({ ...fields }, (name) => `config.${name}`);

describe('the tail of a recorded configuration', () => {
  it('is read as it was written, and absent where there is none', () => {
    expect(check({ ...config, tail })).toEqual({ ...config, tail });
    expect(check(config)).toEqual(config);
  });

  it.each([
    [
      { ...tail, batchNorm: 'on' },
      'Expected one of frozen, trainable, insert for config.tail.batchNorm but received "on"',
    ],
    [{ ...tail, lrTail: 0 }, 'Expected a number above 0 for config.tail.lrTail but received 0'],
    [{ ...tail, clip: -1 }, 'Expected a number of at least 0 for config.tail.clip but received -1'],
    [{ ...tail, from: undefined }, 'for config.tail.from but received'],
    [7, 'Expected an object for config.tail but received 7'],
  ])('is refused by field: %j', (wrong, message) => {
    expect(() => check({ ...config, tail: wrong })).toThrow(InputError);
    expect(() => check({ ...config, tail: wrong })).toThrow(message);
  });
});
