/** Every network whose golden has features against Keras, at its own size and at one that is not square. */
import { BACKBONES } from '../../../src/shared/backbones/registry.ts';
import { compareFeatures } from '../../support/backbone-goldens.ts';

for (const name of BACKBONES.keys()) {
  if (name === 'efficientnet_lite0') compareFeatures(name, { weights: 'imagenet', tolerance: 2e-3 });
  else compareFeatures(name);
}
