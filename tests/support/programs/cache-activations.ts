/** A program that caches the activations of a folder of photos, in many small parts: `cache-activations.ts PHOTOS FOLDER`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheActivations } from '../../../src/fine-tune/cache/cache.ts';
import { parseAugmentation } from '../../../src/shared/augment/augmentation.ts';
import { contentHash } from '../../../src/shared/augment/view.ts';
import { loadCutBackbone } from '../../../src/shared/backbones/cut/load.ts';

const [photos, folder] = process.argv.slice(2);
// Behind the first convolution: activations are large and soon computed.
const network = { name: 'efficientnet_lite0', weights: 'none', poolings: ['avg'], from: 'block1a_dwconv' };
const cut = await loadCutBackbone({ ...network, batchNorm: 'frozen' });
const paths = readdirSync(photos, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.jpg'),
);
const images = paths
  .sort()
  .map((path, i) => ({ path, sha256: contentHash(readFileSync(join(photos, path))), views: i % 2 }));
const advance = (rows: number) => console.error(`${rows} rows more`);
const { request, computed } = await cacheActivations(
  {
    network: { ...network, engine: 'onnxruntime' },
    cut,
    images,
    augment: parseAugmentation('1:flip,rotate=20', 0),
    folder,
    dtype: 'float16',
    maxBytes: undefined,
    maxMemory: 0,
    photos,
    batchSize: 4,
    concurrency: 2,
  },
  {
    reporter: {
      info: console.error,
      warn: console.error,
      progress: () => ({ advance, stop: () => {} }),
    },
  },
);
console.log(JSON.stringify({ rows: request.views.length, computed }));
