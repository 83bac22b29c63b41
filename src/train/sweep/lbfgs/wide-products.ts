/** The two products of an exact solution: every row's logits in many directions at once, and back to gradients. */

import { featuresOf, type TrainingData } from '../../../shared/dataset/data.ts';
import { eachBlock, readRows } from '../../../shared/dataset/rows.ts';
import type { Program } from '../../../shared/engines/engine.ts';
import * as build from '../../../shared/graph/build.ts';
import { BATCH, type Graph } from '../../../shared/graph/value.ts';
import type { HeadConfig } from '../../../shared/head/config.ts';
import { trainingBlock } from '../../../shared/training/batches.ts';
import type { Programs } from '../programs.ts';

/** Rows of one product; larger data are taken piece by piece. */
const MAX_ROWS = 4096;

export interface WideProducts {
  /** Means of the features over the training rows. */
  readonly means: Float64Array;
  /**
   * The logits of centred training rows.
   * @param directions [directions, inputs]
   * @param onLogits told the logits [directions, count] of the rows from `first`
   */
  forward(
    directions: Float32Array,
    onLogits: (logits: Float32Array, first: number, count: number) => void,
  ): Promise<void>;
  /**
   * Sums over the centred training rows.
   * @param residuals writes the derivatives [directions, count] in the logits of the rows from `first`
   * @param onGradient told each chunk of the gradient, [directions, inputs]; the whole is their sum
   */
  backward(
    directions: number,
    residuals: (into: Float32Array, first: number, count: number) => void,
    onGradient: (chunk: Float32Array) => void,
  ): Promise<void>;
}

/** Inputs: `directions` [open, inputs] and `rows`. Kernels are the left factor, so that a head's sums are cut the same way beside any other. */
function forwardProduct(rows: number, inputs: number): Graph {
  const directions = build.input('directions', 'float32', [BATCH, inputs]);
  const values = build.input('rows', 'float32', [rows, inputs]);
  return build.graph({
    logits: build.matmul(directions, values, { transposeA: false, transposeB: true }),
  });
}

function backwardProduct(rows: number, inputs: number): Graph {
  const residuals = build.input('residuals', 'float32', [BATCH, rows]);
  const values = build.input('rows', 'float32', [rows, inputs]);
  return build.graph({ gradient: build.matmul(residuals, values) });
}

/** @param max directions in one call */
export function wideProducts(
  data: TrainingData,
  { normalize }: Pick<HeadConfig, 'normalize'>,
  programs: Programs,
  max: number,
): WideProducts {
  const { inputs, rows } = data;
  const features = featuresOf(data, normalize);
  const size = Math.min(MAX_ROWS, rows.train, trainingBlock(data, { normalize, batchSize: 1 }));
  const means = featureMeans(data, features, size);
  const block = new Float32Array(size * inputs);
  const wide = new Float32Array(max * size);
  const gradient = new Float32Array(max * inputs);
  let loaded = -1;

  /** Centred rows from `first`: an unpenalised bias takes the means up, and the problem is much better conditioned without. */
  const centred = (first: number, count: number): Float32Array => {
    const target = block.subarray(0, count * inputs);
    if (loaded === first) return target;
    const { values } = readRows(features, inputs, first, first + count);
    for (let i = 0; i < target.length; i += inputs) {
      for (let j = 0; j < inputs; j++) target[i + j] = values[i + j] - means[j];
    }
    loaded = first;
    return target;
  };
  const eachPiece = async (
    product: (rows: number, inputs: number) => Graph,
    use: (program: Program, rows: Float32Array, first: number, count: number) => Promise<void>,
  ) => {
    for (let first = 0; first < rows.train; first += size) {
      const count = Math.min(size, rows.train - first);
      const program = await programs.product(product, count, inputs);
      await use(program, centred(first, count), first, count);
    }
  };

  return {
    means,
    forward: (directions, onLogits) =>
      eachPiece(forwardProduct, async (program, values, first, count) => {
        const logits = wide.subarray(0, (directions.length / inputs) * count);
        await program.run({ directions, rows: values }, { logits });
        onLogits(logits, first, count);
      }),
    backward: (directions, residuals, onGradient) =>
      eachPiece(backwardProduct, async (program, values, first, count) => {
        const written = wide.subarray(0, directions * count);
        residuals(written, first, count);
        const chunk = gradient.subarray(0, directions * inputs);
        await program.run({ residuals: written, rows: values }, { gradient: chunk });
        onGradient(chunk);
      }),
  };
}

function featureMeans(
  { inputs, rows }: TrainingData,
  features: Parameters<typeof eachBlock>[0],
  size: number,
): Float64Array {
  const sums = new Float64Array(inputs);
  for (const { values } of eachBlock(features, inputs, { first: 0, end: rows.train, size })) {
    for (let i = 0; i < values.length; i += inputs) {
      for (let j = 0; j < inputs; j++) sums[j] += values[i + j];
    }
  }
  return sums.map((sum) => sum / rows.train);
}
