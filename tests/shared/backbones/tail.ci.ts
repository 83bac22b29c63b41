/** Larger networks whose end was trained: folded to full speed they give what the cut network gives with those weights. */
import { it } from 'vitest';
import { expectTailFeatures } from '../../support/tail-features.ts';

it.each([
  ['efficientnet_lite0', 'last-block', 'trainable'],
  ['resnet50', 'conv5_block1', 'trainable'],
  ['vgg16', 'block5_conv2', 'insert'],
  ['densenet121', 'conv5_block16', 'frozen'],
] as const)('%s from %s on, batch-norm %s', expectTailFeatures);
