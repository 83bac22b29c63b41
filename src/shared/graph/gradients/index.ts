/** The table of gradient rules. Operations that only frozen backbones use have none. */
import type { ComputedOperation } from '../operations/index.ts';
import { elementwise } from './elementwise.ts';
import { linear } from './linear.ts';
import type { GradientRule } from './rule.ts';
import { reductions, shaping } from './shape.ts';

export const GRADIENT_RULES: { readonly [O in ComputedOperation]?: GradientRule<O> } = {
  ...elementwise,
  ...linear,
  ...reductions,
  ...shaping,
};
