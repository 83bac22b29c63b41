/** Every network against Keras, at its own size and at one that is not square. */
import { BACKBONES } from '../../../src/shared/backbones/registry.ts';
import { compareFeatures } from './golden-suite.ts';

/** Held to its parameter count and shapes alone: several copies of its 1.4 GB would not fit in 6 GB. */
const TOO_LARGE = 'convnext_xlarge';

for (const name of BACKBONES.keys()) {
  if (name === 'efficientnet_lite0') compareFeatures(name, { weights: 'imagenet', tolerance: 2e-3 });
  else if (name !== TOO_LARGE) compareFeatures(name);
}
