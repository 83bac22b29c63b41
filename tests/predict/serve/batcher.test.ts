/** Requests that share runs, and how many may wait. */
import { expect, it } from 'vitest';
import { createBatcher } from '../../../src/predict/serve/batcher.ts';

/** A batcher whose runs end when they are told to. */
function controlled(batchSize: number, max: number) {
  const runs: { items: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  const batcher = createBatcher<number, string>({
    batchSize,
    max,
    run: (items) =>
      new Promise((resolve, reject) => {
        runs.push({ items, end: () => resolve(items.map((item) => `answer ${item}`)), fail: reject });
      }),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { batcher, runs, turn };
}

it('runs what came in one turn together, a batch at a time, and gives each its own answer', async () => {
  const { batcher, runs, turn } = controlled(2, 9);
  const predictions = [1, 2, 3].map((item) => batcher.add(item));
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([[1, 2]]);
  // What comes during a run waits for the next.
  predictions.push(batcher.add(4));
  runs[0].end();
  expect(await Promise.all(predictions.slice(0, 2))).toEqual(['answer 1', 'answer 2']);
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  runs[1].end();
  expect(await Promise.all(predictions)).toEqual([1, 2, 3, 4].map((item) => `answer ${item}`));
  expect(batcher.length).toBe(0);
});

it('takes as many as may be waited for, those in a run included, and no more until one has its answer', async () => {
  const { batcher, runs, turn } = controlled(1, 2);
  const first = batcher.add(1);
  await turn();
  const second = batcher.add(2);
  expect(batcher.length).toBe(2);
  expect(batcher.add(3)).toBeUndefined();
  expect(batcher.length).toBe(2);
  runs[0].end();
  await first;
  await turn();
  expect(batcher.add(4)).toBeInstanceOf(Promise);
  runs[1].end();
  await second;
});

it('that fails once fails those in that run alone', async () => {
  const { batcher, runs, turn } = controlled(1, 9);
  const predictions = [batcher.add(1), batcher.add(2)];
  await turn();
  runs[0].fail(new Error('no'));
  await expect(predictions[0]).rejects.toThrow('no');
  await turn();
  runs[1].end();
  expect(await predictions[1]).toBe('answer 2');
  expect(batcher.length).toBe(0);
});
