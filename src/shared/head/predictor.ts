/** A finished head as a graph: raw features in, probabilities out. */
import * as build from '../graph/build.ts';
import type { Graph, Value } from '../graph/value.ts';
import { featuresInput, headForward, probabilities } from './forward.ts';
import { headInputs } from './head-tensors.ts';
import { headLayers } from './layers.ts';
import { normalizeFeatures } from './normalize-features.ts';
import type { Head } from './record.ts';

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
    features: normalizeFeatures(featuresInput(inputs), config.normalize, tensor),
    parameter: tensor,
  });
  const scaled = temperature === undefined ? logits : build.div(logits, build.scalar(temperature));
  return build.graph({ probabilities: probabilities(scaled, config.output) });
}
