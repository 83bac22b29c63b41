/** Operations that work element by element, with broadcasting for those of two inputs. */
import { broadcastShape, graphError, type Operation } from '../operation.ts';

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
  | 'isBetween'
  | 'sign';

function binary<O extends Binary>(name: O): Operation<O> {
  return {
    shape([a, b]) {
      const shape = broadcastShape(a.shape, b.shape);
      if (!shape) throw graphError(name, 'expected shapes that broadcast', [a, b]);
      return shape;
    },
  };
}

const unary: Operation<Unary> = { shape: ([x]) => x.shape };

export const elementwise: { [O in Binary | Unary | 'cast']: Operation<O> } = {
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  neg: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  erf: unary,
  sign: unary,
  relu: unary,
  sigmoid: unary,
  tanh: unary,
  softplus: unary,
  clip: unary,
  isBetween: unary,
  cast: { shape: ([x]) => x.shape, dtype: ({ to }) => to },
};
