/** The backbones that permafrost knows. A new one is its family's file and one line here. */
import { didYouMean } from '../cli/suggest.ts';
import { UsageError } from '../errors.ts';
import type { BackboneDefinition } from './backbone.ts';
import { EFFICIENTNET_LITE0 } from './efficientnet-lite.ts';
import { INCEPTION_V3 } from './inception-v3.ts';
import { RESNET } from './resnet.ts';
import { VGG } from './vgg.ts';

/** By name, in the order of tables; the first is the default. */
export const BACKBONES: ReadonlyMap<string, BackboneDefinition> = new Map(
  [EFFICIENTNET_LITE0, ...RESNET, ...VGG, INCEPTION_V3].map((definition) => [definition.name, definition]),
);

/** The backbone of that name, in permafrost's or Keras's spelling; a UsageError names the near ones. */
export function findBackbone(name: string): BackboneDefinition {
  for (const definition of BACKBONES.values()) {
    if (name === definition.name || plain(name) === plain(definition.kerasName)) return definition;
  }
  const known = [...BACKBONES.keys()];
  throw new UsageError(
    `Expected one of ${known.join(', ')} for --backbone but received ${JSON.stringify(name)}${didYouMean(name, known)}`,
  );
}

/** `ResNet50`, `resnet-50` and `resnet_50` are the same name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
