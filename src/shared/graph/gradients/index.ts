/** The table of gradient rules. Operations that only gradients and pixels use have none. */
import type { ComputedOperation } from '../operations/index.ts';
import { elementwise } from './elementwise.ts';
import { linear } from './linear.ts';
import type { GradientRule } from './rule.ts';
import { reductions, shaping } from './shape.ts';
import { spatial } from './spatial.ts';

export const GRADIENT_RULES: { readonly [O in ComputedOperation]?: GradientRule<O> } = {
  ...elementwise,
  ...linear,
  ...spatial,
  ...reductions,
  ...shaping,
};
