/** What the training loop needs of a stack of heads: steps on training rows, and predictions for validation rows. */

import { splitRange, type TrainingData } from '../../shared/dataset/data.ts';
import type { HeadConfig } from '../../shared/head/config.ts';
import { batchFiller, trainingBlock } from '../../shared/training/batches.ts';
import type { StepSettings, TrainingState } from '../../shared/training/optimizers.ts';
import { predictRows } from './predict-rows.ts';
import type { Stack } from './stack.ts';

export interface StackTrainer {
  readonly lanes: number;
  /** Sets the heads' parameters and optimiser states, one for each of the first lanes. */
  load(states: readonly TrainingState[]): void;
  /**
   * One optimiser step on some of the training rows.
   * @param settings one per lane that was loaded
   * @param maskSeed names this step's dropout masks
   */
  step(rows: Int32Array, settings: readonly StepSettings[], maskSeed: number): Promise<void>;
  /** Each lane's losses since the last call, summed over the rows of every step, as they were before it. */
  takeLosses(): Promise<Float64Array>;
  /** Probabilities of all validation rows, [rows, lanes, classes]. */
  validate(): Promise<Float32Array>;
  /** Copies of the parameters of some lanes, in the order of headParameters. */
  parameters(lanes: readonly number[]): Promise<Float32Array[]>;
  /** Copies of all that {@link load} sets, for some lanes. */
  save(lanes: readonly number[]): Promise<TrainingState[]>;
  /** Frees its memory; it must not be used afterwards. */
  release(): void;
}

/** Trains in memory that JavaScript and the engine share. */
export function hostTrainer(stack: Stack, data: TrainingData, config: HeadConfig): StackTrainer {
  const fill = batchFiller(data, config, trainingBlock(data, config));
  let losses = new Float64Array(stack.lanes);
  return {
    lanes: stack.lanes,
    load(states) {
      for (const [lane, state] of states.entries()) stack.load(lane, state);
    },
    async step(rows, settings, maskSeed) {
      fill(rows, stack.batch(rows.length));
      const means = await stack.step(rows.length, settings, maskSeed);
      for (const [lane, mean] of means.entries()) losses[lane] += mean * rows.length;
    },
    async takeLosses() {
      const taken = losses;
      losses = new Float64Array(stack.lanes);
      return taken;
    },
    validate: () => predictRows(stack, data, config.normalize, splitRange(data, 'val')),
    parameters: async (lanes) => lanes.map((lane) => stack.parameters(lane)),
    save: async (lanes) => lanes.map((lane) => stack.save(lane)),
    // The arena is used again.
    release() {},
  };
}
