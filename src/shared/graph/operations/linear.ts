/** Matrix products and normalisations along the last axis. */
import { broadcastShape, graphError, type Operation, sumTo } from '../operation.ts';
import { type Shape, sameShape } from '../value.ts';

type Linear = 'matmul' | 'softmax' | 'logSoftmax' | 'layerNorm';

/** Shape of the last two axes after an optional transposition. */
function matrix(shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

export const linear: { [O in Linear]: Operation<O> } = {
  matmul: {
    shape(inputs, { transposeA, transposeB }) {
      const [a, b] = inputs;
      if (a.shape.length < 2 || b.shape.length < 2) throw graphError('matmul', 'expected matrices', inputs);
      const [rows, inner] = matrix(a.shape, transposeA);
      const [innerB, columns] = matrix(b.shape, transposeB);
      const stack = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
      if (inner !== innerB || !stack) throw graphError('matmul', 'expected inner sizes that agree', inputs);
      return [...stack, rows, columns];
    },
    gradient({ inputs: [a, b], attributes: { transposeA, transposeB } }, upstream, build) {
      const forA = transposeA
        ? build.matmul(b, upstream, { transposeA: transposeB, transposeB: true })
        : build.matmul(upstream, b, { transposeA: false, transposeB: !transposeB });
      const forB = transposeB
        ? build.matmul(upstream, a, { transposeA: true, transposeB: transposeA })
        : build.matmul(a, upstream, { transposeA: !transposeA, transposeB: false });
      return [sumTo(forA, a.shape, build), sumTo(forB, b.shape, build)];
    },
  },
  softmax: {
    shape: ([x]) => x.shape,
    gradient(value, upstream, build) {
      const axes = [value.shape.length - 1];
      const product = build.mul(upstream, value);
      return [build.sub(product, build.mul(value, build.reduceSum(product, { axes, keepDims: true })))];
    },
  },
  logSoftmax: {
    shape: ([x]) => x.shape,
    gradient(value, upstream, build) {
      const axes = [value.shape.length - 1];
      const total = build.reduceSum(upstream, { axes, keepDims: true });
      return [build.sub(upstream, build.mul(build.exp(value), total))];
    },
  },
  /** Inputs: x, gamma [C], beta [C]; only frozen backbones use it, so it has no gradient. */
  layerNorm: {
    shape(inputs) {
      const [x, gamma, beta] = inputs;
      const channels = [x.shape.at(-1)!];
      if (!sameShape(gamma.shape, channels) || !sameShape(beta.shape, channels)) {
        throw graphError('layerNorm', 'expected one scale and one shift a channel', inputs);
      }
      return x.shape;
    },
  },
};
