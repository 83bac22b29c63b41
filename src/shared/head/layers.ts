/** The layers and parameters of a head, read off its architecture. */
import type { Activation, HeadArchitecture } from './config.ts';

export type HeadLayer =
  | { kind: 'dense'; name: string; inputs: number; units: number; bias: boolean }
  | { kind: 'bn'; name: string; units: number }
  | { kind: 'dropout'; name: string; units: number; rate: number }
  | { kind: 'activation'; activation: Activation }
  /** Gates features by sigmoid(relu(x squeeze) excite), without biases (Hu et al. 2018). */
  | { kind: 'se'; name: string; units: number; reduced: number };

/** How Keras initialises a parameter by default. */
export type Initializer = 'glorot_uniform' | 'zeros' | 'ones';

export interface HeadParameter {
  /** `dense_0/kernel`, `bn_0/gamma`, `output/bias` ... */
  name: string;
  shape: readonly number[];
  initializer: Initializer;
  /** Moving statistics of batch-norm are not. */
  trainable: boolean;
}

/**
 * The layers from features to logits. Each hidden block applies its parts in `order`, leaving out those that
 * are off; a head without hidden layers drops features instead (classic regularised linear probing).
 * @param inputs numbers in a feature vector
 * @param classes numbers of logits
 */
export function headLayers(head: HeadArchitecture, inputs: number, classes: number): HeadLayer[] {
  const layers: HeadLayer[] = [];
  let units = inputs;
  if (head.se > 0)
    layers.push({ kind: 'se', name: 'se', units, reduced: Math.max(1, Math.floor(inputs / head.se)) });
  if (head.hidden.length === 0 && head.dropout > 0) {
    layers.push({ kind: 'dropout', name: 'dropout_0', units, rate: head.dropout });
  }
  for (const [block, width] of head.hidden.entries()) {
    for (const layer of head.order) {
      if (layer === 'dense') {
        layers.push({ kind: 'dense', name: `dense_${block}`, inputs: units, units: width, bias: head.bias });
        units = width;
      } else if (layer === 'bn' && head.batchNorm) {
        layers.push({ kind: 'bn', name: `bn_${block}`, units });
      } else if (layer === 'dropout' && head.dropout > 0) {
        layers.push({ kind: 'dropout', name: `dropout_${block}`, units, rate: head.dropout });
      } else if (layer === 'activation') {
        layers.push({ kind: 'activation', activation: head.activation });
      }
    }
  }
  layers.push({ kind: 'dense', name: 'output', inputs: units, units: classes, bias: true });
  return layers;
}

/** The parameters of all layers, in the order in which they are stored. */
export function headParameters(layers: readonly HeadLayer[]): HeadParameter[] {
  return layers.flatMap((layer): HeadParameter[] => {
    if (layer.kind === 'dense') {
      const { name, inputs, units, bias } = layer;
      return [
        { name: `${name}/kernel`, shape: [inputs, units], initializer: 'glorot_uniform', trainable: true },
        ...(bias
          ? [{ name: `${name}/bias`, shape: [units], initializer: 'zeros', trainable: true } as const]
          : []),
      ];
    }
    if (layer.kind === 'bn') {
      const { name, units } = layer;
      return [
        { name: `${name}/gamma`, shape: [units], initializer: 'ones', trainable: true },
        { name: `${name}/beta`, shape: [units], initializer: 'zeros', trainable: true },
        { name: `${name}/moving_mean`, shape: [units], initializer: 'zeros', trainable: false },
        { name: `${name}/moving_variance`, shape: [units], initializer: 'ones', trainable: false },
      ];
    }
    if (layer.kind === 'se') {
      const { name, units, reduced } = layer;
      return [
        {
          name: `${name}/squeeze/kernel`,
          shape: [units, reduced],
          initializer: 'glorot_uniform',
          trainable: true,
        },
        {
          name: `${name}/excite/kernel`,
          shape: [reduced, units],
          initializer: 'glorot_uniform',
          trainable: true,
        },
      ];
    }
    return [];
  });
}
