/** Gradient rules of matrix products and of normalisations along the last axis. */
import { add, div, exp, matmul, mul, reduceMean, reduceSum, scalar, sqrt, sub } from '../build.ts';
import type { Value } from '../value.ts';
import { type GradientRule, sumTo } from './rule.ts';

type Linear = 'matmul' | 'softmax' | 'logSoftmax' | 'layerNorm';

export const linear: { [O in Linear]: GradientRule<O> } = {
  matmul({ inputs: [a, b], attributes: { transposeA, transposeB } }, upstream) {
    const forA = transposeA
      ? matmul(b, upstream, { transposeA: transposeB, transposeB: true })
      : matmul(upstream, b, { transposeA: false, transposeB: !transposeB });
    const forB = transposeB
      ? matmul(upstream, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, upstream, { transposeA: !transposeA, transposeB: false });
    return [sumTo(forA, a.shape), sumTo(forB, b.shape)];
  },
  softmax(value, upstream) {
    const axes = [value.shape.length - 1];
    const product = mul(upstream, value);
    return [sub(product, mul(value, reduceSum(product, { axes, keepDims: true })))];
  },
  logSoftmax(value, upstream) {
    const axes = [value.shape.length - 1];
    const total = reduceSum(upstream, { axes, keepDims: true });
    return [sub(upstream, mul(exp(value), total))];
  },
  layerNorm({ inputs: [x, gamma, beta], attributes: { epsilon } }, upstream) {
    const mean = (value: Value): Value => reduceMean(value, { axes: [x.shape.length - 1], keepDims: true });
    const centred = sub(x, mean(x));
    const deviation = sqrt(add(mean(mul(centred, centred)), scalar(epsilon)));
    const normalized = div(centred, deviation);
    const scaled = mul(upstream, gamma);
    const projected = add(mean(scaled), mul(normalized, mean(mul(scaled, normalized))));
    return [
      div(sub(scaled, projected), deviation),
      sumTo(mul(upstream, normalized), gamma.shape),
      sumTo(upstream, beta.shape),
    ];
  },
};
