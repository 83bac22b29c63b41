/** Keras's activations as graph pieces. */
import { add, clip, div, erf, mul, relu, scalar, sigmoid } from '../../graph/build.ts';
import type { Value } from '../../graph/value.ts';

const relu6 = (x: Value): Value => clip(x, { min: 0, max: 6 });

export const ACTIVATIONS = {
  relu,
  relu6,
  sigmoid,
  swish: (x: Value) => mul(x, sigmoid(x)),
  /** x * relu6(x + 3) / 6. */
  hard_swish: (x: Value) => mul(x, hardSigmoid(x)),
  /** x / 2 * (1 + erf(x / sqrt(2))), in the order in which onnxruntime recognises it and uses one kernel. */
  gelu: (x: Value) => mul(mul(x, add(erf(div(x, scalar(Math.SQRT2))), scalar(1))), scalar(0.5)),
} as const satisfies Record<string, (x: Value) => Value>;

export type Activation = keyof typeof ACTIVATIONS;

function hardSigmoid(x: Value): Value {
  return mul(relu6(add(x, scalar(3))), scalar(1 / 6));
}
