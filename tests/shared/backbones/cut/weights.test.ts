import { beforeAll, describe, expect, it } from 'vitest';
import { type CutBackbone, loadCutBackbone } from '../../../../src/shared/backbones/cut/load.ts';
import { trainedWeights } from '../../../../src/shared/backbones/cut/weights.ts';

const load = (batchNorm: 'frozen' | 'trainable'): Promise<CutBackbone> =>
  loadCutBackbone({
    name: 'resnet50',
    size: { width: 32, height: 32 },
    weights: 'none',
    poolings: ['avg'],
    from: 'conv5_block3',
    batchNorm,
  });

let frozen: CutBackbone['weights'];
let trainable: CutBackbone['weights'];
beforeAll(async () => {
  [{ weights: frozen }, { weights: trainable }] = [await load('frozen'), await load('trainable')];
});

const names = (weights: CutBackbone['weights']): string[] =>
  weights.map(({ name }) => name.replace('conv5_block3_', ''));

describe('--train', () => {
  it('leaves out frozen batch-norms by default, and no others', () => {
    const convolutions = [1, 2, 3].flatMap((part) => [`${part}_conv/kernel`, `${part}_conv/bias`]);
    expect(names(trainedWeights(frozen, 'all-but-batch-norm'))).toEqual(convolutions);
    expect(trainedWeights(trainable, 'all-but-batch-norm')).toHaveLength(12);
  });

  it('never takes moving statistics', () => {
    expect(trainedWeights(frozen, 'all').some(({ role }) => role === 'statistic')).toBe(false);
    expect(trainedWeights(frozen, 'all')).toHaveLength(12);
  });

  it('takes batch-norms alone, or biases with the shifts of normalisations', () => {
    expect(names(trainedWeights(frozen, 'batch-norm'))).toEqual(
      [1, 2, 3].flatMap((part) => [`${part}_bn/gamma`, `${part}_bn/beta`]),
    );
    expect(names(trainedWeights(frozen, 'bias'))).toEqual(
      [1, 2, 3].flatMap((part) => [`${part}_conv/bias`, `${part}_bn/beta`]),
    );
  });

  it('takes layers and blocks by name, frozen batch-norms too', () => {
    expect(names(trainedWeights(frozen, 'conv5_block3_1_bn, conv5_block3_3'))).toEqual([
      '1_bn/gamma',
      '1_bn/beta',
      '3_conv/kernel',
      '3_conv/bias',
      '3_bn/gamma',
      '3_bn/beta',
    ]);
  });

  it.each([
    [
      'conv5_block3_1_cnv',
      '"conv5_block3_1_cnv" (did you mean conv5_block3_1_conv or conv5_block3_1_bn or conv5_block3_2_conv?)',
    ],
    ['batchnorm', '"batchnorm" (did you mean batch-norm?)'],
    ['conv5_block3_1_conv,', '"conv5_block3_1_conv,"'],
  ])('refuses %s', (train, received) => {
    expect(() => trainedWeights(frozen, train)).toThrow(
      'Expected all-but-batch-norm, all, batch-norm, bias or layers of the trained part ' +
        `(conv5_block3_1_conv to conv5_block3_3_bn) for --train but received ${received}`,
    );
  });
});
