/** Operations that work element by element, with broadcasting for those of two inputs. */
import type { Build } from '../build.ts';
import { broadcastShape, graphError, type Operation, sumTo } from '../operation.ts';
import type { OperationAttributes, OperationName, Value } from '../value.ts';

type Binary = 'add' | 'sub' | 'mul' | 'div';
type Unary =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'erf'
  | 'relu'
  | 'sigmoid'
  | 'tanh'
  | 'softplus'
  | 'clip'
  | 'sign';

/** Gradient of a two-input operation before the sum over broadcast axes. */
function binary<O extends Binary>(
  name: O,
  gradients: (value: Value<O>, upstream: Value, build: Build) => [Value, Value],
): Operation<O> {
  return {
    shape([a, b]) {
      const shape = broadcastShape(a.shape, b.shape);
      if (!shape) throw graphError(name, 'expected shapes that broadcast', [a, b]);
      return shape;
    },
    gradient: (value, upstream, build) =>
      gradients(value, upstream, build).map((gradient, at) => sumTo(gradient, value.inputs[at].shape, build)),
  };
}

function unary<O extends OperationName>(
  derivative?: (value: Value<O>, build: Build, attributes: OperationAttributes[O]) => Value,
): Operation<O> {
  return {
    shape: ([x]) => x.shape,
    ...(derivative && {
      gradient: (value: Value<O>, upstream: Value, build: Build) => [
        build.mul(upstream, derivative(value, build, value.attributes)),
      ],
    }),
  };
}

/** 1 where x > 0, else 0. */
function positive(x: Value, build: Build): Value {
  return build.sign(build.relu(x));
}

export const elementwise: { [O in Binary | Unary | 'cast']: Operation<O> } = {
  add: binary('add', (_, upstream) => [upstream, upstream]),
  sub: binary('sub', (_, upstream, build) => [upstream, build.neg(upstream)]),
  mul: binary('mul', ({ inputs: [a, b] }, upstream, build) => [
    build.mul(upstream, b),
    build.mul(upstream, a),
  ]),
  div: binary('div', (value, upstream, build) => {
    const scaled = build.div(upstream, value.inputs[1]);
    return [scaled, build.neg(build.mul(scaled, value))];
  }),
  neg: { shape: ([x]) => x.shape, gradient: (_, upstream, build) => [build.neg(upstream)] },
  exp: unary((value) => value),
  log: {
    shape: ([x]) => x.shape,
    gradient: (value, upstream, build) => [build.div(upstream, value.inputs[0])],
  },
  sqrt: {
    shape: ([x]) => x.shape,
    gradient: (value, upstream, build) => [build.div(build.mul(upstream, build.scalar(0.5)), value)],
  },
  erf: unary(({ inputs: [x] }, build) =>
    build.mul(build.exp(build.neg(build.mul(x, x))), build.scalar(2 / Math.sqrt(Math.PI))),
  ),
  sign: unary(),
  relu: unary((value, build) => build.sign(value)),
  sigmoid: unary((value, build) => build.mul(value, build.sub(build.scalar(1), value))),
  tanh: unary((value, build) => build.sub(build.scalar(1), build.mul(value, value))),
  softplus: unary(({ inputs: [x] }, build) => build.sigmoid(x)),
  clip: unary(({ inputs: [x] }, build, { min, max }) =>
    build.mul(
      positive(build.sub(x, build.scalar(min)), build),
      positive(build.sub(build.scalar(max), x), build),
    ),
  ),
  cast: { shape: ([x]) => x.shape, dtype: ({ to }) => to },
};
