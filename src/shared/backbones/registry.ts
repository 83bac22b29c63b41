/** The backbones that permafrost knows. A new one is its family's file and one line here. */

import { shown, UsageError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import type { BackboneDefinition } from './backbone.ts';
import { CONVNEXT } from './families/convnext.ts';
import { DENSENET } from './families/densenet.ts';
import { EFFICIENTNET } from './families/efficientnet.ts';
import { EFFICIENTNET_LITE0 } from './families/efficientnet-lite.ts';
import { EFFICIENTNET_V2 } from './families/efficientnet-v2.ts';
import { INCEPTION_RESNET_V2 } from './families/inception-resnet-v2.ts';
import { INCEPTION_V3 } from './families/inception-v3.ts';
import { MOBILENET } from './families/mobilenet.ts';
import { MOBILENET_V2 } from './families/mobilenet-v2.ts';
import { MOBILENET_V3 } from './families/mobilenet-v3.ts';
import { NASNET } from './families/nasnet.ts';
import { RESNET } from './families/resnet.ts';
import { RESNET_V2 } from './families/resnet-v2.ts';
import { VGG } from './families/vgg.ts';
import { XCEPTION } from './families/xception.ts';
import { HUB_MODELS } from './hub-models.ts';

/** By name, in the order of tables; the first is the default. */
export const BACKBONES: ReadonlyMap<string, BackboneDefinition> = new Map(
  [
    EFFICIENTNET_LITE0,
    ...RESNET,
    ...RESNET_V2,
    ...VGG,
    INCEPTION_V3,
    INCEPTION_RESNET_V2,
    XCEPTION,
    ...MOBILENET,
    ...MOBILENET_V2,
    ...MOBILENET_V3,
    ...DENSENET,
    ...NASNET,
    ...EFFICIENTNET,
    ...EFFICIENTNET_V2,
    ...CONVNEXT,
  ].map((definition) => [definition.name, definition]),
);

/** The backbone of that name, in permafrost's or Keras's spelling; a UsageError names the near ones. */
export function findBackbone(name: string): BackboneDefinition {
  const found = lookUpBackbone(name);
  if (found) return found;
  const names = [...BACKBONES.keys(), ...HUB_MODELS.map((model) => model.name)];
  const near = didYouMean(name, names) || ': permafrost backbones lists them';
  throw new UsageError(`Unknown backbone ${shown(name)}${near}`);
}

/** The same; undefined where there is none. */
export function lookUpBackbone(name: string): BackboneDefinition | undefined {
  const isNamed = ({ name: own, kerasName }: BackboneDefinition) =>
    name === own || plain(name) === plain(kerasName);
  return [...BACKBONES.values()].find(isNamed);
}

/** `ResNet50`, `resnet-50` and `resnet_50` are the same name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
