/** Reverse-mode differentiation, graph in, graph out. */
import { add, graph, reshape, scalar } from './build.ts';
import { GRADIENT_RULES } from './gradients/index.ts';
import type { GradientRule } from './gradients/rule.ts';
import { elementCount, type OperationName, shapeText, type Value } from './value.ts';

/**
 * Values that compute the derivative of a scalar `loss` with respect to each of `parameters`.
 * @throws when the loss is not one number, does not depend on a parameter, or flows through an operation
 *   without a gradient rule
 */
export function gradients(loss: Value, parameters: readonly Value[]): Value[] {
  if (elementCount(loss.shape) !== 1)
    throw new Error(`A loss is one number, received ${shapeText(loss.shape)}`);
  const { values } = graph({ loss });
  const dependent = new Set<Value>(parameters);
  for (const value of values) if (value.inputs.some((source) => dependent.has(source))) dependent.add(value);

  const upstream = new Map<Value, Value>([[loss, reshape(scalar(1), loss.shape)]]);
  for (const value of values.toReversed()) {
    const gradient = upstream.get(value);
    if (!gradient || !dependent.has(value) || value.inputs.length === 0) continue;
    const sources = inputGradients(value, gradient);
    value.inputs.forEach((source, index) => {
      if (!dependent.has(source)) return;
      const sofar = upstream.get(source);
      upstream.set(source, sofar ? add(sofar, sources[index]) : sources[index]);
    });
  }
  return parameters.map((parameter) => {
    const gradient = upstream.get(parameter);
    if (!gradient) throw new Error(`The loss does not depend on ${parameter.name ?? 'a parameter'}`);
    return gradient;
  });
}

function inputGradients<O extends OperationName>(value: Value<O>, upstream: Value): Value[] {
  const rule = (GRADIENT_RULES as Partial<Record<OperationName, GradientRule<O>>>)[value.op];
  if (!rule) throw new Error(`${value.op} has no gradient rule`);
  return rule(value, upstream);
}
