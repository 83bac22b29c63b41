/** One network of each family, cut in two. */
import { it } from 'vitest';
import { expectSameFeatures } from '../../../support/cut-features.ts';

it.each([
  ['vgg16', 64, 'block5'],
  ['resnet50', 75, 'conv5_block3'],
  ['resnet50_v2', 64, 'conv5_block1'],
  ['inception_v3', 96, 'mixed8'],
  ['inception_resnet_v2', 96, 'last-block'],
  ['xception', 96, 'block13'],
  ['mobilenet_0.25', 64, 'conv_dw_11'],
  ['efficientnet_lite0', 64, 'block6d'],
  ['mobilenet_v3_small', 64, 'last-block'],
  ['mobilenet_v3_large', 64, 'expanded_conv_12'],
  ['densenet121', 64, 'pool4'],
  ['nasnet_mobile', 64, 'last-block'],
  ['efficientnet_b0', 64, 'block6d'],
  ['efficientnet_v2_b0', 64, 'block6g'],
  ['convnext_tiny', 64, 'convnext_tiny_stage_3_block_0'],
])('%s at %i, cut in front of %s, gives the features of the whole network', expectSameFeatures);
