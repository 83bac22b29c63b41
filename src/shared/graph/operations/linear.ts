/** Matrix products and normalisations along the last axis. */
import { broadcastShape, graphError, type Operation } from '../operation.ts';
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
  },
  softmax: {
    shape: ([x]) => x.shape,
  },
  logSoftmax: {
    shape: ([x]) => x.shape,
  },
  /** Inputs: x, gamma [C], beta [C]. */
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
