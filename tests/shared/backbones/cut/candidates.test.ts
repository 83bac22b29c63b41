import { expect, it } from 'vitest';
import { cutCandidates } from '../../../../src/shared/backbones/cut/candidates.ts';
import { describeBackbone } from '../../../../src/shared/backbones/load.ts';
import { backboneFacts } from '../../../../src/shared/backbones/table.ts';

const candidates = (name: string) => cutCandidates(describeBackbone({ name, poolings: ['avg'] }));

it('a candidate says what is kept and trained, and the work of front, tail and step', () => {
  const vgg = candidates('vgg16');
  expect(vgg.map(({ cut }) => cut.from).slice(-3)).toEqual(['block5_conv1', 'block5_conv2', 'block5_conv3']);
  const work = 14 * 14 * 3 * 3 * 512 * 512;
  const parameters = 3 * 3 * 512 * 512 + 512;
  const whole = backboneFacts('vgg16').multiplyAdds;
  expect(vgg.at(-1)).toMatchObject({
    trainedParameters: parameters,
    keptNumbers: 14 * 14 * 512,
    frontWork: whole - work,
    tailWork: work,
    stepWork: 2 * work,
  });
  // Two convolutions forward and their kernels; the second one's image too.
  expect(vgg.at(-2)).toMatchObject({
    trainedParameters: 2 * parameters,
    frontWork: whole - 2 * work,
    tailWork: 2 * work,
    stepWork: 5 * work,
  });
});

it('batch-norms are not counted as trained, and halved activations as they are kept', () => {
  const last = candidates('resnet50').find(({ cut }) => cut.from === 'conv5_block1_1_conv')!;
  expect(last.keptNumbers).toBe(7 * 7 * 1024);
  expect(last.trainedParameters).toBe(14_953_472);
});
