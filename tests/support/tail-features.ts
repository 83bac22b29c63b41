/** Features of a network whose end was trained, beside those of the cut network with the same weights. */
import { expect } from 'vitest';
import { loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../../src/shared/backbones/cut/split.ts';
import type { BatchNormMode } from '../../src/shared/backbones/cut/words.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { changedTail } from './changed-tail.ts';
import { relativeDifference, runGraph } from './cut-features.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

const SIDE = 64;

/** Fails where the whole network, folded or not, differs from front and tail. */
export async function expectTailFeatures(
  name: string,
  from: string,
  batchNorm: BatchNormMode,
): Promise<void> {
  const pixels = new Uint8Array([...syntheticPhoto(0, SIDE, SIDE), ...syntheticPhoto(1, SIDE, SIDE)]);
  const options = { name, size: { width: SIDE, height: SIDE }, weights: 'none', poolings: ['avg', 'max'] };
  const { front, tail, weights, weightsHash } = await loadCutBackbone({ ...options, from, batchNorm });
  const changed = changedTail(weights);
  const feeds = Object.fromEntries([...changed].map(([weight, { data }]) => [weight, data]));
  const { [ACTIVATION]: activation } = await runGraph(front, { pixels });
  const expected = await runGraph(tail, { activation, ...feeds });

  const published = await loadBackbone(options);
  const whole = await loadBackbone({ ...options, tail: changed });
  expect(whole.weightsHash).toBe(weightsHash);
  expect(whole.graph.values.length).toBe(published.graph.values.length);
  const unfolded = await loadBackbone({ ...options, tail: changed, isTailUnfolded: true });
  const frozen = await runGraph(published.graph, { pixels });
  for (const { graph } of [whole, unfolded]) {
    const received = await runGraph(graph, { pixels });
    for (const [column, features] of Object.entries(expected)) {
      expect(relativeDifference(received[column], features), column).toBeLessThan(1e-5);
      expect(relativeDifference(received[column], frozen[column]), column).toBeGreaterThan(0.1);
    }
  }
}
