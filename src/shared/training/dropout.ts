/** Dropout masks: drawn once a step and fed to a graph, so that they depend on no engine. */
import type { Arena, ArenaArray } from './arena.ts';

/** Names the masks of a training's step, counted from 1. */
export function maskSeed(seed: number, step: number): number {
  return Math.imul(seed, 0x85ebca6b) + step;
}

/**
 * Fills a mask. The share of draws below the threshold is the dropout rate; what is kept is scaled up to keep the mean.
 * @param seed names the step, see {@link maskSeed}
 * @param layer the dropout layer's place among those of a network
 */
export function drawMask(
  { kernels }: Arena,
  rate: number,
  { address, padded }: ArenaArray,
  seed: number,
  layer: number,
): void {
  const threshold = Math.round(rate * 2 ** 31);
  kernels.dropoutMask(address, padded, threshold, 1 / (1 - rate), (Math.imul(seed, 0x9e3779b1) + layer) | 0);
}
