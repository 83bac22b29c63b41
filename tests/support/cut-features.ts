/** Features of a network that is cut in two, beside those of the whole one. */
import { expect } from 'vitest';
import { loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../../src/shared/backbones/cut/split.ts';
import { requestedColumns } from '../../src/shared/backbones/depths.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import type { Feeds } from '../../src/shared/engines/interface.ts';
import type { Graph } from '../../src/shared/graph/value.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

/** Fails where front and tail, with seeded weights, do not give what the whole network gives, its depths among it. */
export async function expectSameFeatures(name: string, side: number, from: string): Promise<void> {
  const poolings = requestedColumns(name, ['avg', 'max']);
  const options = { name, size: { width: side, height: side }, weights: 'none', poolings };
  const pixels = new Uint8Array([...syntheticPhoto(0, side, side), ...syntheticPhoto(1, side, side)]);
  const whole = await loadBackbone(options);
  const expected = await runGraph(whole.graph, { pixels });
  const parts = await loadCutBackbone({ ...options, from, batchNorm: 'frozen' });
  expect(parts.weightsHash).toBe(whole.weightsHash);
  const { [ACTIVATION]: activation, ...early } = await runGraph(parts.front, { pixels });
  const weights = Object.fromEntries(parts.weights.map(({ name: weight, data }) => [weight, data]));
  const received = { ...early, ...(await runGraph(parts.tail, { activation, ...weights })) };
  for (const [column, features] of Object.entries(expected)) {
    expect(relativeDifference(received[column], features), `${name} ${column}`).toBeLessThan(3e-6);
    // Equal numbers prove something only where the input still shows in them.
    const [first, second] = [features.slice(0, features.length / 2), features.slice(features.length / 2)];
    expect(relativeDifference(first, second), `${name} ${column}`).toBeGreaterThan(1e-3);
  }
}

/** A graph's outputs for its inputs. */
export async function runGraph(graph: Graph, feeds: Feeds) {
  const program = await (await loadEngine('onnxruntime')).compile(graph);
  const results = await program.run(feeds);
  await program.release();
  return results;
}

/** The norm of the difference beside that of `b`. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  const [error, size] = b.reduce(
    ([sum, all], value, i) => [sum + (a[i] - value) ** 2, all + value ** 2],
    [0, 0],
  );
  return Math.sqrt(error / size);
}
