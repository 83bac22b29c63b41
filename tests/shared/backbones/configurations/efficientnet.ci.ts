/** EfficientNet's files, built with or without the correction that published weights bring. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { newFolder } from '../../../support/folders.ts';
import { difference, kerasFeatures, loadWeights } from '../../../support/keras-features.ts';
import { type FileOptions, savedModels, writeKerasFile } from '../../../support/keras-models.ts';

/** SIZE of make_configurations.py. */
const SIZE = { width: 96, height: 96 };
const BACKBONE = 'efficientnet_b0';
const UNTRAINED = {
  'normalization/mean': [0, 0, 0],
  'normalization/variance': [1, 1, 1],
  'normalization/count': [0],
};
const PUBLISHED = {
  'normalization/mean': [0.485, 0.456, 0.406],
  // What the published files hold there: deviations.
  'normalization/variance': [0.229, 0.224, 0.225],
  'normalization/count': [1],
};

let path: string;
beforeAll(() => {
  path = join(newFolder(), 'model.h5');
});

it.each([
  ['weights=None', UNTRAINED],
  ['published constants', PUBLISHED],
])('features are those of Keras with %s', async (choice, numbers) => {
  const notes: string[] = [];
  const { config, features } = savedModels('keras3').find(
    (model) => model.backbone === BACKBONE && model.choice === choice,
  )!;
  await writeKerasFile({ path, backbone: BACKBONE, config, numbers });
  const found = await kerasFeatures({ path, backbone: BACKBONE, size: SIZE, notes });
  expect(difference(found, features!)).toBeLessThan(1e-4);
  expect(notes).toEqual([]);
});

describe('a file of weights alone', () => {
  const load = (options: Partial<FileOptions>) =>
    loadWeights({ path, backbone: BACKBONE, size: SIZE, ...options });
  const WITHOUT = 'efficientnet without the correction of published weights';

  it('tells by its layers whether its normalization is corrected', async () => {
    const listed = ['input_1', 'rescaling'];
    expect(await load({ listed, numbers: PUBLISHED })).toEqual({
      preprocessing: WITHOUT,
      notes: [],
    });
    expect(await load({ listed: [...listed, 'rescaling_1'], numbers: PUBLISHED })).toEqual({
      preprocessing: 'efficientnet',
      notes: [],
    });
  });

  it('with two rescalings of which one may be in front is refused', async () => {
    const listed = ['input_1', 'rescaling', 'rescaling_1'];
    await expect(load({ listed, numbers: UNTRAINED })).rejects.toThrow(
      /^Expected the settings of the layers in front of efficientnet_b0 \(rescaling, rescaling_1, normalization\)/,
    );
  });

  it('without such layers tells it by its numbers, or is refused', async () => {
    expect(await load({ numbers: UNTRAINED })).toEqual({
      preprocessing: WITHOUT,
      notes: [],
    });
    expect(await load({ numbers: PUBLISHED })).toEqual({
      preprocessing: 'efficientnet',
      notes: [
        expect.stringMatching(/does not say whether efficientnet_b0 was built with weights='imagenet'/),
      ],
    });
    const others = { ...PUBLISHED, 'normalization/mean': [0.3, 0.4, 0.5] };
    await expect(load({ numbers: others })).rejects.toThrow(
      /^Expected a file that says whether efficientnet_b0 was built with weights='imagenet'.*save the whole model/,
    );
  });
});
