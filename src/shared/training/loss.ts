/** Losses as graphs: of logits, element by element and weighted. */
import * as build from '../graph/build.ts';
import type { Value } from '../graph/value.ts';
import type { Loss, Output } from '../head/config.ts';

/** Of logits [batch, lanes, classes] with targets and weights [batch, 1, classes], which are small beside them. */
type ElementLoss = (logits: Value, targets: Value, weights: Value) => Value;

const categorical: ElementLoss = (logits, targets, weights) =>
  build.mul(build.neg(build.mul(targets, weights)), build.logSoftmax(logits));
const binary: ElementLoss = (logits, targets, weights) =>
  build.mul(weights, build.sub(build.softplus(logits), build.mul(targets, logits)));

/** Focusing and balance of focal losses: Keras's defaults, from Lin et al. 2017. Keras balances the categorical one only. */
const FOCAL_ALPHA = 0.25;
/** (1 - p)^2: gamma is 2. */
const focus = (miss: Value): Value => build.mul(miss, miss);
const complement = (x: Value): Value => build.sub(build.scalar(1), x);

/** Element by element, weighted; the sum over classes is a row's loss. All take logits, which cannot overflow. */
const LOSS: Readonly<Record<Output, Partial<Record<Loss, ElementLoss>>>> = {
  softmax: {
    categorical_crossentropy: categorical,
    focal: (logits, targets, weights) =>
      build.mul(
        build.mul(build.scalar(FOCAL_ALPHA), focus(complement(build.softmax(logits)))),
        categorical(logits, targets, weights),
      ),
  },
  sigmoid: {
    binary_crossentropy: binary,
    // With probability p of yes, the correct prediction has p where the target is 1 and 1 - p where it is 0.
    focal(logits, targets, weights) {
      const p = build.sigmoid(logits);
      const right = build.add(build.mul(targets, p), build.mul(complement(targets), complement(p)));
      return build.mul(focus(complement(right)), binary(logits, targets, weights));
    },
  },
};

/** The loss of a network's output, as a graph of its logits. */
export function elementLoss({ output, loss }: { output: Output; loss: Loss }): ElementLoss {
  const found = LOSS[output][loss];
  if (!found) throw new Error(`${loss} does not fit a ${output} output`);
  return found;
}
