/** The table of head options, its flags and what it refuses. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import yargs from 'yargs';
import { givenFlags, yargsOptions } from '../../../src/shared/cli/flags.ts';
import {
  formatOption,
  HEAD_OPTION_KEYS,
  HEAD_OPTIONS,
  type HeadRequest,
} from '../../../src/shared/head/options.ts';
import { resolveConfig, withoutIdleOptions } from '../../../src/shared/head/resolve.ts';
import { flagOf } from '../../../src/shared/options.ts';

async function readLine(line: string): Promise<Partial<HeadRequest>> {
  const parser = yargs(line.split(' '))
    .options(yargsOptions(HEAD_OPTIONS))
    .strict()
    .exitProcess(false)
    .help(false);
  return givenFlags(
    HEAD_OPTIONS,
    await parser.fail((message) => Promise.reject(new Error(message))).parseAsync(),
  );
}

describe('head options', () => {
  it('write their defaults so that they read them back', () => {
    const defaults = withoutIdleOptions({});
    for (const key of HEAD_OPTION_KEYS) {
      expect(HEAD_OPTIONS[key].kind.parse(formatOption(key, defaults), flagOf(key))).toEqual(defaults[key]);
    }
  });

  it('write any layer sizes, orders and numbers so that they read them back', () => {
    const { hidden, order, lr } = HEAD_OPTIONS;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 65536 })),
        fc.shuffledSubarray([...order.default], { minLength: 4 }),
        fc.double({ min: 1e-12, max: 1e3, noNaN: true }),
        (units, layers, rate) => {
          expect(hidden.kind.parse(hidden.kind.format(units), '')).toEqual(units);
          expect(order.kind.parse(order.kind.format(layers), '')).toEqual(layers);
          expect(lr.kind.parse(lr.kind.format(rate), '')).toBe(rate);
        },
      ),
    );
  });

  it('read the flags of the command line', async () => {
    const line =
      '--hidden 64x32 --lr 1e-2 --batch-norm --no-bias --order dense,dropout,bn,activation --output sigmoid';
    expect(await readLine(line)).toEqual({
      hidden: [64, 32],
      lr: 0.01,
      batchNorm: true,
      bias: false,
      order: ['dense', 'dropout', 'bn', 'activation'],
      output: 'sigmoid',
    });
  });

  it.each([
    [
      '--activation rleu',
      'Expected one of relu, gelu, selu, tanh, sigmoid, swish, leaky_relu, softmax, linear for --activation but received "rleu" (did you mean relu?)',
    ],
    ['--dropout 1', 'Expected a number from 0 to below 1 for --dropout but received "1"'],
    ['--lr 0', 'Expected a number above 0 for --lr but received "0"'],
    ['--lr fast', 'Expected a number above 0 for --lr but received "fast"'],
    ['--l2 Infinity', 'Expected a number of at least 0 for --l2 but received "Infinity"'],
    ['--epochs 2.5', 'Expected a whole number of at least 1 for --epochs but received "2.5"'],
    ['--lr 1 --lr 2', 'Expected one value for --lr but received ["1","2"]'],
    [
      '--hidden 64x0',
      'Expected none or units from 1 to 65536 like 256 or 64x64x64 for --hidden but received "64x0"',
    ],
    [
      '--order dense,bn,bn,dropout',
      'Expected each of dense, dropout, bn, activation once for --order but received "dense,bn,bn,dropout"',
    ],
  ])('refuse %s', async (line, message) => {
    await expect(readLine(line)).rejects.toThrow(message);
  });
});

describe('resolveConfig', () => {
  it('completes a request by the task', () => {
    expect(resolveConfig({}, 'multiclass')).toEqual({
      hidden: [],
      activation: 'relu',
      dropout: 0,
      batchNorm: false,
      order: ['dense', 'bn', 'activation', 'dropout'],
      bias: true,
      normalize: 'none',
      se: 0,
      output: 'softmax',
      loss: 'categorical_crossentropy',
      optimizer: 'adam',
      lr: 0.001,
      momentum: 0,
      nesterov: false,
      l2: 0,
      l1: 0,
      maxNorm: 0,
      schedule: 'constant',
      warmup: 0,
      epochs: 100,
      batchSize: 32,
      earlyStopping: 10,
      monitor: 'loss',
      classWeight: 'none',
      labelSmoothing: 0,
      seed: 0,
    });
    expect(resolveConfig({}, 'multilabel')).toMatchObject({ output: 'sigmoid', loss: 'binary_crossentropy' });
  });

  it('takes undefined for an option that is not given', () => {
    const request = Object.fromEntries(HEAD_OPTION_KEYS.map((key) => [key, undefined]));
    expect(resolveConfig(request, 'multiclass')).toEqual(resolveConfig({}, 'multiclass'));
    expect(withoutIdleOptions(request)).toEqual(withoutIdleOptions({}));
  });

  it('takes sigmoid outputs for multiclass data, with their own loss', () => {
    expect(resolveConfig({ output: 'sigmoid' }, 'multiclass').loss).toBe('binary_crossentropy');
  });

  it.each<[Partial<HeadRequest>, 'multiclass' | 'multilabel', string]>([
    [
      { output: 'softmax' },
      'multilabel',
      'several labels or none, softmax predicts exactly one) for --output',
    ],
    [
      { loss: 'binary_crossentropy' },
      'multiclass',
      'it needs --output sigmoid) for --loss but received "binary_crossentropy"',
    ],
    [
      { output: 'sigmoid', loss: 'categorical_crossentropy' },
      'multiclass',
      'it needs --output softmax) for --loss',
    ],
    [
      { momentum: 0.9 },
      'multiclass',
      'Expected --optimizer sgd or rmsprop for --momentum 0.9 but received --optimizer adam',
    ],
    [
      { batchNorm: true },
      'multiclass',
      'Expected a hidden layer like --hidden 64 for --batch-norm but received --hidden none',
    ],
    [
      { optimizer: 'lbfgs', lr: 0.1 },
      'multiclass',
      'Expected another optimizer than lbfgs for --lr 0.1 but received --optimizer lbfgs',
    ],
    [{ optimizer: 'lbfgs', earlyStopping: 3 }, 'multiclass', 'for --early-stopping 3 but received'],
    [
      { optimizer: 'sgd', nesterov: true },
      'multiclass',
      'Expected --optimizer sgd with --momentum for --nesterov but received --optimizer sgd --momentum 0',
    ],
    [{ bias: false }, 'multiclass', 'Expected a hidden layer like --hidden 64 for --no-bias'],
    [{ monitor: 'binaryAccuracy' }, 'multiclass', '(multiclass data) for --monitor but received'],
  ])('refuses %j for %s data', (request, task, message) => {
    expect(() => resolveConfig(request, task)).toThrow(message);
  });
});
