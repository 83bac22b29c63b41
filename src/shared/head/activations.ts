/** Activations of heads as graphs. */
import { ACTIVATION_FUNCTIONS } from '../graph/activations.ts';
import { add, erf, mul, scalar } from '../graph/build.ts';
import type { Value } from '../graph/value.ts';
import type { Activation } from './config.ts';

export const HEAD_ACTIVATIONS: Readonly<Record<Activation, (x: Value) => Value>> = {
  ...ACTIVATION_FUNCTIONS,
  // Multiplies where the backbones' divides: training needs its parts, and heads have been trained with these last bits.
  gelu: (x) => mul(mul(x, scalar(0.5)), add(scalar(1), erf(mul(x, scalar(Math.SQRT1_2))))),
};
