import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { kerasListing } from '../../../src/shared/backbones/keras-listing.ts';
import { describeBackbone } from '../../../src/shared/backbones/load.ts';

type Name = string | [string, ...Name[]];

/** By golden/make_layer_names.py. */
const golden: Record<string, { layers: Name[]; momentum: number | null }> = JSON.parse(
  gunzipSync(readFileSync(new URL('golden/layer_names.json.gz', import.meta.url))).toString(),
);

it.each(Object.keys(golden))(
  'layers of %s and the momentum of its batch-norms are those of Keras',
  (name) => {
    const { layers, momentum } = golden[name];
    const { nodes, definition } = describeBackbone({ name, poolings: ['avg'] });
    const listed = kerasListing(nodes, definition.listing);
    // Keras counts another Rescaling among what EfficientNet does to pixels.
    const received = listed.map((layer, index) =>
      layer.name === 'rescaling' && index === 3 ? 'rescaling_1' : layer.name,
    );
    expect(received).toEqual(layers.map((layer) => (typeof layer === 'string' ? layer : layer[0])));
    if (momentum !== null) expect(definition.batchNormMomentum ?? 0.99).toBe(momentum);
    // The number of a model within the model leads to its first layer.
    for (const [index, layer] of layers.entries()) {
      if (typeof layer !== 'string') expect(nodes[listed[index].node].layer).toBe(layer[1]);
    }
  },
);
