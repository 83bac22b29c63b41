/** Tails in worker threads. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { TailJob, TrainedTail } from '../../../src/fine-tune/tail/train-tail.ts';
import { predictTail, type TrainTailsOptions, trainTails } from '../../../src/fine-tune/tail/train-tails.ts';
import { threadsOf } from '../../../src/fine-tune/tail/workers.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { tinyData, tinyHead, tinyJob, tinyNetwork } from '../../support/tiny-tail.ts';

const request: Partial<HeadRequest> = { hidden: [4], dropout: 0.3, batchNorm: true, earlyStopping: 0 };
const shared = {
  network: tinyNetwork('trainable'),
  data: tinyData(),
  start: tinyHead(request),
  engine: 'onnxruntime',
  workers: 1,
  threads: 1,
};
const folder = mkdtempSync(join(tmpdir(), 'permafrost-tails-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What trainings gave, by id, and the epochs that they took. */
async function train(jobs: TailJob[], options: Partial<TrainTailsOptions> = {}) {
  const finished = new Map<string, TrainedTail>();
  const epochs: string[] = [];
  await trainTails(jobs, {
    ...shared,
    signal: new AbortController().signal,
    onEpoch: (id, { epoch }) => epochs.push(`${id}:${epoch}`),
    onFinished: (trained) => finished.set(trained.result.id, trained),
    ...options,
  });
  return { finished, epochs };
}

/** All but the time that it took. */
const timeless = ({ result, ...numbers }: TrainedTail) => ({ ...numbers, result: { ...result, seconds: 0 } });

it('gives the same bits with one worker and with two, every weight behind the cut, and lets one diverge alone', async () => {
  const jobs = [0.01, 0.02, 1e30].map((lr) => tinyJob({ ...request, lr, optimizer: 'sgd' }, {}, String(lr)));
  const [one, two] = [await train(jobs), await train(jobs, { workers: 2 })];
  expect([...one.finished].map(([id, { result }]) => [id, result.status])).toEqual([
    ['0.01', 'done'],
    ['0.02', 'done'],
    ['1e+30', 'diverged'],
  ]);
  for (const [id, trained] of one.finished)
    expect(timeless(two.finished.get(id)!)).toEqual(timeless(trained));
  const trained = one.finished.get('0.01')!;
  expect([...trained.tail.keys()]).toEqual(shared.network.weights.map(({ name }) => name));
  expect(trained.tail.get('conv/kernel')!.shape).toEqual([1, 1, 3, 4]);
  expect(await predictTail(trained, shared.data.rows.val.cache, shared)).toEqual(trained.validation);
});

it('is stopped with what there is, and resumes to the bit from what was saved, which goes with the outcome', async () => {
  const job = tinyJob({ ...request, epochs: 6 });
  const checkpoint = { folder };
  const interruption = new AbortController();
  const stopped = await train([job, tinyJob(request, {}, 'waiting')], {
    signal: interruption.signal,
    checkpoint,
    onEpoch: (_, { epoch }) => epoch === 2 && interruption.abort(),
  });
  const { result } = stopped.finished.get('1')!;
  expect(result.status).toBe('stopped');
  expect(result.epochs).toBeLessThan(6);
  expect(stopped.finished.has('waiting')).toBe(false);
  expect(readdirSync(folder)).toEqual(['tail-1.state']);
  const resumed = await train([job], { checkpoint });
  expect(resumed.epochs.length).toBeLessThan(6);
  expect(readdirSync(folder)).toEqual([]);
  const whole = await train([job]);
  expect(timeless(resumed.finished.get('1')!)).toEqual(timeless(whole.finished.get('1')!));
});

it('fails with what a callback throws', async () => {
  const full = () => {
    throw new Error('the disk is full');
  };
  await expect(train([tinyJob(request)], { onFinished: full })).rejects.toThrow('the disk is full');
});

it('refuses lbfgs and unknown weights by name before anything starts', async () => {
  const job = tinyJob(request);
  const lbfgs: TailJob = { ...job, config: { ...job.config, optimizer: 'lbfgs' } };
  await expect(train([lbfgs])).rejects.toThrow(
    'Expected an optimizer that steps batch by batch for --optimizer but received "lbfgs"',
  );
  await expect(train([tinyJob(request, { train: 'conf' })])).rejects.toThrow(/--train.*did you mean conv/);
});

it.each([
  [1, 2, 2],
  [2, 2, 1],
  [3, 2, 1],
  [3, 8, 2],
])('%i trainings on %i cores have %i threads each', (trainings, workers, threads) => {
  expect(threadsOf(trainings, workers)).toBe(threads);
});
