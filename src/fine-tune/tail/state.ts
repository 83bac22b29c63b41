/** What training changes about a tail and its head, wherever it is kept. */
import type { StepSettings } from '../../shared/training/optimizers.ts';
import type { InputFeeds } from './inputs.ts';

/** All that training changes, in blocks that a layout cuts into tensors: parameters, and the optimiser's two arrays of state. */
export const BLOCKS = ['parameters', 'first', 'second'] as const;
export type TailBlocks = Record<(typeof BLOCKS)[number], Float32Array>;

/** How a tail's step differs from a head's. */
export interface StepRates {
  /** Factor on the learning rate of the tail's weights. */
  lrTail: number;
  /** What the norm of all gradients together may measure; 0 for no limit. */
  clip: number;
}

export interface TailState {
  load(blocks: TailBlocks): void;
  /** Valid until the next step. */
  save(): Promise<TailBlocks>;
  /**
   * One step; where the loss is not finite, what it leaves is not worth having.
   * @param size rows of the graph
   * @returns the loss before the step
   */
  step(feeds: InputFeeds, size: number, settings: StepSettings, rates: StepRates): Promise<number>;
  /** Probabilities [size, classes], valid until the next call. */
  predict(feeds: InputFeeds, size: number): Promise<Float32Array>;
  /** Frees its memory; it must not be used afterwards. */
  release(): void;
}
