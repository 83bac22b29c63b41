/** The gate of EfficientNets: each channel is scaled by a number that all channels' means decide. */
import type { Value } from '../../graph/value.ts';
import type { KerasListing } from '../keras-listing.ts';
import type { Layers } from '../layers.ts';

/** What Keras lists in each block beside layers that compute: a shape that never differs here, and dropout where a shortcut has one. */
export const LISTING: KerasListing = {
  before: [
    [/^(.*)_se_reduce$/, '$1_se_reshape'],
    [/^(?!block1a_)(.*)_add$/, '$1_drop'],
  ],
};

/** @param prefix of the layers' names: `block2a_` */
export function squeezeExcite(x: Value, layers: Layers, prefix: string, reduced: number): Value {
  let gate = layers.globalAvgPool(x, `${prefix}se_squeeze`);
  gate = layers.conv(gate, {
    filters: reduced,
    kernel: [1, 1],
    activation: 'swish',
    gate: true,
    name: `${prefix}se_reduce`,
  });
  gate = layers.conv(gate, {
    filters: x.shape[3],
    kernel: [1, 1],
    activation: 'sigmoid',
    gate: true,
    name: `${prefix}se_expand`,
  });
  return layers.multiply(x, gate, `${prefix}se_excite`);
}
