/** Activations that layers of backbones have. */
import type { ACTIVATION_FUNCTIONS } from '../../graph/activations.ts';

export const LAYER_ACTIVATIONS = [
  'relu',
  'relu6',
  'sigmoid',
  'swish',
  'hard_swish',
  'gelu',
] as const satisfies (keyof typeof ACTIVATION_FUNCTIONS)[];
export type LayerActivation = (typeof LAYER_ACTIVATIONS)[number];
