/** What a trained head predicts for every row of the sweep's matrix. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import type { Engine } from '../../shared/engines/engine.ts';
import { headLayers } from '../../shared/head/layers.ts';
import { createArena } from '../../shared/training/arena.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import { predictRows } from '../sweep/predict-rows.ts';
import { createPrograms } from '../sweep/programs.ts';
import { createStack } from '../sweep/stack.ts';

/** Probabilities [rows, classes], in the order of the matrix. */
export async function predictAll(
  engine: Engine,
  { result, parameters }: TrainedHead,
  data: TrainingData,
  rows: number,
): Promise<Float32Array> {
  const { config } = result;
  const { inputs, classes } = data;
  const layers = headLayers(config, inputs, classes);
  const programs = createPrograms(engine);
  try {
    const shape = { layers, output: config.output, loss: config.loss, inputs, classes, lanes: 1 };
    const stack = createStack(createArena(), programs, shape, 1);
    stack.setParameters(0, parameters);
    return await predictRows(stack, data, config.normalize, { first: 0, end: rows });
  } finally {
    await programs.release();
  }
}
