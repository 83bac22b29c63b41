/** Gradient rules of operations that work element by element. */
import { div, exp, isBetween, mul, neg, scalar, sigmoid, sub } from '../build.ts';
import type { OperationName, Value } from '../value.ts';
import { type GradientRule, sumTo } from './rule.ts';

type Binary = 'add' | 'sub' | 'mul' | 'div';
type Unary =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'erf'
  | 'sign'
  | 'relu'
  | 'sigmoid'
  | 'tanh'
  | 'softplus'
  | 'clip';

/** @param rule gradients before the sum over broadcast axes */
function broadcast<O extends Binary>(rule: (value: Value<O>, upstream: Value) => [Value, Value]) {
  return (value: Value<O>, upstream: Value): Value[] =>
    rule(value, upstream).map((gradient, index) => sumTo(gradient, value.inputs[index].shape));
}

/** The chain rule of one input. */
function chain<O extends OperationName>(derivative: (value: Value<O>) => Value) {
  return (value: Value<O>, upstream: Value): Value[] => [mul(upstream, derivative(value))];
}

export const elementwise: { [O in Binary | Unary]: GradientRule<O> } = {
  add: broadcast((_, upstream) => [upstream, upstream]),
  sub: broadcast((_, upstream) => [upstream, neg(upstream)]),
  mul: broadcast(({ inputs: [a, b] }, upstream) => [mul(upstream, b), mul(upstream, a)]),
  div: broadcast((value, upstream) => {
    const scaled = div(upstream, value.inputs[1]);
    return [scaled, neg(mul(scaled, value))];
  }),
  neg: (_, upstream) => [neg(upstream)],
  exp: chain((value) => value),
  log: (value, upstream) => [div(upstream, value.inputs[0])],
  sqrt: (value, upstream) => [div(mul(upstream, scalar(0.5)), value)],
  erf: chain(({ inputs: [x] }) => mul(exp(neg(mul(x, x))), scalar(2 / Math.sqrt(Math.PI)))),
  /** Flat wherever it has a slope. */
  sign: chain(() => scalar(0)),
  relu: chain((value) => isBetween(value, { min: 0, max: Infinity })),
  sigmoid: chain((value) => mul(value, sub(scalar(1), value))),
  tanh: chain((value) => sub(scalar(1), mul(value, value))),
  softplus: chain(({ inputs: [x] }) => sigmoid(x)),
  clip: chain((value) => isBetween(value, value.attributes)),
};
