/** A finished head as a graph: raw features in, probabilities out. */
import { softsign } from '../graph/activations.ts';
import * as build from '../graph/build.ts';
import type { Graph, Value } from '../graph/value.ts';
import type { Normalization } from './config.ts';
import { featuresInput, headForward, probabilities } from './forward.ts';
import { headLayers } from './layers.ts';
import { type Head, headInputs } from './record.ts';

/** Input: `features` [batch, inputs], as the backbone gives them. Output: `probabilities` [batch, classes]. */
export function headGraph({ record, tensors }: Head): Graph {
  const { config, classes, temperature } = record;
  const inputs = headInputs(record);
  const tensor = (name: string): Value => {
    const found = tensors.get(name);
    if (!found) throw new Error(`The head has no ${name}`);
    return build.constant(found.data, found.shape, name);
  };
  const { logits } = headForward({
    layers: headLayers(config, inputs, classes.length),
    features: NORMALIZE[config.normalize](featuresInput(inputs), tensor),
    parameter: tensor,
  });
  const scaled = temperature === undefined ? logits : build.div(logits, build.scalar(temperature));
  return build.graph({ probabilities: probabilities(scaled, config.output) });
}

/** Input normalisation inside the graph; training applies the same to its matrix beforehand. */
const NORMALIZE: Readonly<Record<Normalization, (x: Value, tensor: (name: string) => Value) => Value>> = {
  none: (x) => x,
  standardize: (x, tensor) =>
    build.div(build.sub(x, tensor('normalize/mean')), tensor('normalize/deviation')),
  l2: unitLength,
  softsign(x, tensor) {
    const deviation = tensor('normalize/deviation');
    const mean = build.reduceMean(deviation, { axes: [0], keepDims: true });
    return unitLength(softsign(build.div(x, build.sqrt(build.mul(deviation, mean)))));
  },
};

function unitLength(x: Value): Value {
  const squares = build.reduceSum(build.mul(x, x), { axes: [1], keepDims: true });
  return build.div(x, build.sqrt(build.clip(squares, { min: SMALLEST_SQUARE, max: Number.MAX_VALUE })));
}

/** Keeps a vector of zeros at zero. */
const SMALLEST_SQUARE = 1e-24;
