/** Options of a tail in head.json. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { checkConfig } from '../../../src/shared/head/config-check.ts';
import { resolveConfig } from '../../../src/shared/head/resolve.ts';
import { settingColumns, variedColumns } from '../../../src/shared/head/setting-columns.ts';
import { TAIL_OPTIONS } from '../../../src/shared/head/tail-settings.ts';
import { configurationsOf } from '../../../src/shared/search/configurations.ts';

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

describe('columns of tables', () => {
  const tailed = { ...config, tail };

  it('have those of the tail where any head has one, under names of their own', () => {
    expect(settingColumns([config]).map(({ name }) => name)).not.toContain('from');
    const columns = settingColumns([config, tailed]);
    const own = columns
      .slice(-5)
      .map(({ name, title, written }) => [name, title, written(tailed), written(config)]);
    expect(own).toEqual([
      ['from', 'from', 'block7a_expand_conv', ''],
      ['train', 'train', 'all', ''],
      ['tailBatchNorm', 'tail-batch-norm', 'trainable', ''],
      ['lrTail', 'lr-tail', '0.1', ''],
      ['clip', 'clip', '1', ''],
    ]);
    expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
  });

  it('vary where tails do', () => {
    const other = { ...config, tail: { ...tail, lrTail: 1 } };
    expect(variedColumns([tailed, other]).map(({ title }) => title)).toEqual(['lr-tail']);
    expect(configurationsOf([tailed, other].map((one) => ({ config: one, source: 0 })))).toHaveLength(2);
  });

  it('of layers are joined by + as in a grid', () => {
    const { parse, format } = TAIL_OPTIONS.train.kind;
    expect(parse('block6a+block7a', '--grid')).toBe('block6a,block7a');
    expect(format('block6a,block7a')).toBe('block6a+block7a');
  });
});
