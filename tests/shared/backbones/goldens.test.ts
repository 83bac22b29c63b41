/** One network of each family against Keras; npm run test:golden compares all of them. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BACKBONES } from '../../../src/shared/backbones/registry.ts';
import { compareDescription, compareFeatures } from '../../support/backbone-goldens.ts';

const FAMILIES = [
  'vgg16',
  'resnet50',
  'resnet50_v2',
  'inception_v3',
  'inception_resnet_v2',
  'xception',
  'mobilenet_0.25',
  'mobilenet_v2_0.35',
  'mobilenet_v3_small',
  'densenet121',
  'nasnet_mobile',
  'efficientnet_b0',
  'efficientnet_v2_b0',
  'convnext_tiny',
];

/** All that have a golden made by make_goldens.py. */
const KERAS = readdirSync(new URL('golden/', import.meta.url))
  .filter((file) => file.endsWith('.json') && file !== 'efficientnet_lite0.json')
  .map((file) => file.slice(0, -5));

compareFeatures('efficientnet_lite0', { weights: 'imagenet', tolerance: 2e-3 });
for (const name of FAMILIES) compareFeatures(name, { sizes: 'non-square' });
for (const name of KERAS) compareDescription(name);

it('every backbone has a golden', () => {
  expect(['efficientnet_lite0', ...KERAS].sort()).toEqual([...BACKBONES.keys()].sort());
});
