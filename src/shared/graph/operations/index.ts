/** The table of operations: shape inference, and nothing about gradients or engines. */
import type { Operation } from '../operation.ts';
import type { OperationName } from '../value.ts';
import { elementwise } from './elementwise.ts';
import { linear } from './linear.ts';
import { reductions, shaping } from './shape.ts';
import { spatial } from './spatial.ts';
import { spatialGradients } from './spatial-gradients.ts';

/** Operations made from other values; `input` and `constant` are the leaves they start from. */
export type ComputedOperation = Exclude<OperationName, 'input' | 'constant'>;

export const OPERATIONS: { readonly [O in ComputedOperation]: Operation<O> } = {
  ...elementwise,
  ...linear,
  ...spatial,
  ...spatialGradients,
  ...reductions,
  ...shaping,
};
