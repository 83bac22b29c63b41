/** Activations as Keras defines them. */
import * as build from '../graph/build.ts';
import type { Value } from '../graph/value.ts';
import type { Activation } from './config.ts';

/** Keras's negative slope of leaky_relu. */
export const LEAKY_SLOPE = 0.2;
/** Klambauer et al. 2017, "Self-Normalizing Neural Networks". */
const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

export const ACTIVATIONS: Readonly<Record<Activation, (x: Value) => Value>> = {
  linear: (x) => x,
  relu: build.relu,
  sigmoid: build.sigmoid,
  tanh: build.tanh,
  // Over the units of a layer: never useful, but people try it, and the diagnosis says why it fails.
  softmax: build.softmax,
  swish: (x) => build.mul(x, build.sigmoid(x)),
  leaky_relu: (x) => leakyRelu(x, LEAKY_SLOPE),
  // Exact, with the error function, as Keras's default.
  gelu: (x) =>
    build.mul(
      build.mul(x, build.scalar(0.5)),
      build.add(build.scalar(1), build.erf(build.mul(x, build.scalar(Math.SQRT1_2)))),
    ),
  // exp only ever sees x <= 0, so it cannot overflow.
  selu: (x) => {
    const below = build.sub(build.exp(build.neg(build.relu(build.neg(x)))), build.scalar(1));
    return build.mul(
      build.add(build.relu(x), build.mul(below, build.scalar(SELU_ALPHA))),
      build.scalar(SELU_SCALE),
    );
  },
};

export function leakyRelu(x: Value, slope: number): Value {
  return build.sub(build.relu(x), build.mul(build.relu(build.neg(x)), build.scalar(slope)));
}
