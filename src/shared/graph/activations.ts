/** Activations as Keras defines them, by its names. */
import {
  add,
  clip,
  div,
  erf,
  exp,
  mul,
  neg,
  relu,
  scalar,
  sigmoid,
  sign,
  softmax,
  sub,
  tanh,
} from './build.ts';
import type { Value } from './value.ts';

/** Keras's negative slope of leaky_relu. */
export const LEAKY_SLOPE = 0.2;
/** Klambauer et al. 2017, "Self-Normalizing Neural Networks". */
const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const relu6 = (x: Value): Value => clip(x, { min: 0, max: 6 });

export const ACTIVATION_FUNCTIONS = {
  linear: (x: Value): Value => x,
  relu,
  relu6,
  sigmoid,
  tanh,
  // Over the units of a layer: never useful, but people try it, and the diagnosis says why it fails.
  softmax,
  swish: (x: Value) => mul(x, sigmoid(x)),
  /** x * relu6(x + 3) / 6. */
  hard_swish: (x: Value) => mul(x, mul(relu6(add(x, scalar(3))), scalar(1 / 6))),
  /** x / 2 * (1 + erf(x / sqrt(2))), in the order in which onnxruntime recognises it and uses one kernel. */
  gelu: (x: Value) => mul(mul(x, add(erf(div(x, scalar(Math.SQRT2))), scalar(1))), scalar(0.5)),
  leaky_relu: (x: Value) => leakyRelu(x, LEAKY_SLOPE),
  // exp only ever sees x <= 0, so it cannot overflow.
  selu: (x: Value) => {
    const below = sub(exp(neg(relu(neg(x)))), scalar(1));
    return mul(add(relu(x), mul(below, scalar(SELU_ALPHA))), scalar(SELU_SCALE));
  },
} as const satisfies Record<string, (x: Value) => Value>;

/** x / (1 + |x|) */
export function softsign(x: Value): Value {
  return div(x, add(scalar(1), mul(x, sign(x))));
}

export function leakyRelu(x: Value, slope: number): Value {
  return sub(relu(x), mul(relu(neg(x)), scalar(slope)));
}
