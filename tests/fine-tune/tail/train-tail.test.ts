/** One tail from its first batch to its last epoch. */
import { describe, expect, it } from 'vitest';
import { createTailPrograms } from '../../../src/fine-tune/tail/programs.ts';
import type { SavedTail } from '../../../src/fine-tune/tail/saved-state.ts';
import { type TailContext, type TailJob, trainTail } from '../../../src/fine-tune/tail/train-tail.ts';
import { trainedWeights } from '../../../src/shared/backbones/cut/weights.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { openActivations } from '../../../src/shared/store/activations/reader.ts';
import { createArena } from '../../../src/shared/training/arena.ts';
import { tinyData, tinyHead, tinyJob, tinyNetwork } from '../../support/tiny-tail.ts';

const engine = await loadEngine('onnxruntime', { threads: 1 });
const network = tinyNetwork('trainable');
const arena = createArena();
const programs = createTailPrograms();
const request: Partial<HeadRequest> = { hidden: [4], dropout: 0.3, batchNorm: true, earlyStopping: 0 };

async function train(job: TailJob, context: Partial<TailContext> = {}) {
  const data = context.data ?? tinyData();
  const { trained, isPaused } = await trainTail(job, {
    arena,
    engine,
    usesDevice: false,
    programs,
    network,
    start: tinyHead(request),
    data,
    reader: openActivations(data.activations),
    trained: trainedWeights(network.weights, job.config.tail.train).map(({ name }) => name),
    onEpoch: () => {},
    shouldStop: () => false,
    ...context,
  });
  // All but the time that it took.
  return { ...trained, isPaused, result: { ...trained.result, seconds: 0 } };
}

const copied = ({ position, blocks, best }: SavedTail): SavedTail =>
  structuredClone({ position, blocks, best });

describe('trainTail', () => {
  it('lowers the loss', async () => {
    const { result } = await train(tinyJob({ ...request, epochs: 12 }));
    expect(result.status).toBe('done');
    expect(result.history).toHaveLength(12);
    expect(result.history.at(-1)!.trainLoss).toBeLessThan(result.history[0].trainLoss);
  });

  it('gives the weights that it changes and the predictions of its best epoch', async () => {
    const { tail, validation, head } = await train(tinyJob(request, { train: 'batch-norm' }));
    expect([...tail.keys()]).toEqual(['bn/gamma', 'bn/beta', 'bn/moving_mean', 'bn/moving_variance']);
    expect(validation).toHaveLength(7 * 3);
    expect(head).toHaveLength(7 * 4 + 4 + 4 * 4 + 4 * 3 + 3);
  });

  it('ends at once where a wild rate makes the loss leave the finite numbers', async () => {
    const { result, tail, head } = await train(tinyJob({ ...request, optimizer: 'sgd', lr: 1e30 }));
    expect(result).toMatchObject({ status: 'diverged', epochs: 1, val: {} });
    expect([tail.size, head.length]).toEqual([0, 0]);
  });

  it('keeps its best epoch when it is stopped', async () => {
    let steps = 0;
    const { result, tail } = await train(tinyJob(request), { shouldStop: () => ++steps > 12 });
    expect(result).toMatchObject({ status: 'stopped', epochs: 2 });
    expect(result.bestEpoch).toBeGreaterThan(0);
    expect(tail.size).toBe(6);
  });

  it('trains without validation rows to its last epoch', async () => {
    const data = tinyData();
    const none = { cache: new Int32Array(0), image: new Int32Array(0) };
    const { result } = await train(
      { ...tinyJob({ ...request, earlyStopping: 1 }), lastEpoch: 3 },
      { data: { ...data, rows: { train: data.rows.train, val: none } } },
    );
    expect(result).toMatchObject({ status: 'done', epochs: 3, bestEpoch: 3 });
  });

  it('counts a weight of 2 as the image seen twice', async () => {
    const data = tinyData();
    const [first] = data.rows.train.image;
    const rows = (image: Int32Array) => ({ ...data.rows, train: { cache: image, image } });
    const weights = new Float32Array(24).fill(1);
    weights[first] = 2;
    const settings = { optimizer: 'sgd', batchSize: 2, epochs: 1 } as const;
    const once = await train(
      tinyJob({ ...request, ...settings, batchSize: 1, dropout: 0, hidden: [], batchNorm: false }),
      {
        data: { ...data, rows: rows(Int32Array.of(first)), weights },
        start: tinyHead({}),
      },
    );
    const twice = await train(
      tinyJob({ ...request, ...settings, dropout: 0, hidden: [], batchNorm: false }),
      {
        data: { ...data, rows: rows(Int32Array.of(first, first)) },
        start: tinyHead({}),
      },
    );
    expect(once.result.history[0].trainLoss).toBeCloseTo(2 * twice.result.history[0].trainLoss, 5);
  });

  it.each(['focal', 'binary_crossentropy'] as const)(
    'trains several labels with a loss of %s',
    async (loss) => {
      const settings = {
        ...request,
        output: 'sigmoid',
        loss,
        labelSmoothing: 0.1,
        classWeight: 'balanced',
      } as const;
      const { result } = await train(tinyJob({ ...settings, epochs: 8 }), {
        data: tinyData({ task: 'multilabel' }),
      });
      expect(result.history.at(-1)!.trainLoss).toBeLessThan(result.history[0].trainLoss);
      expect(result.val).toHaveProperty('mAP');
    },
  );
});

describe('a training that was saved', () => {
  const job = tinyJob({
    ...request,
    epochs: 3,
    optimizer: 'adam',
    schedule: 'cosine',
    warmup: 1,
    earlyStopping: 2,
  });

  it('resumes after any step and any epoch, to the same bits', async () => {
    const saved: SavedTail[] = [];
    const whole = await train(job, {
      save: async (current) => {
        saved.push(copied(await current()));
      },
    });
    // Five batches an epoch, four of them with another behind them.
    expect(saved.map(({ position: { history, step } }) => [history.length, step])).toEqual(
      [0, 1, 2].flatMap((epoch) => [1, 2, 3, 4].map((step) => [epoch, step]).concat([[epoch + 1, 0]])),
    );
    for (const state of saved) expect(await train(job, { saved: state })).toEqual(whole);
  });

  it('pauses after an epoch and resumes from there', async () => {
    const whole = await train(job);
    let saved: SavedTail | undefined;
    const paused = await train(
      { ...job, pauseAfter: 2 },
      {
        saveAtEnd: (state) => {
          saved = copied(state);
        },
      },
    );
    expect(paused).toMatchObject({ isPaused: true, result: { epochs: 2 } });
    const again = await train({ ...job, pauseAfter: 2 }, { saved });
    expect(again).toEqual(paused);
    expect(await train(job, { saved })).toEqual(whole);
  });

  it.each([
    // Asked before the blocks of validation rows, of which there is one, and before each of five batches.
    ['before its first step', 1, { step: 0, history: [] }],
    ['before it has validated', 7, { step: 5, history: [] }],
  ])('is saved when it is stopped %s', async (_, asked, position) => {
    const whole = await train(job);
    let count = 0;
    let saved: SavedTail | undefined;
    const stopped = await train(job, {
      shouldStop: () => ++count >= asked,
      saveAtEnd: (state) => {
        saved = copied(state);
      },
    });
    expect(stopped.result).toMatchObject({ status: 'stopped', epochs: 0 });
    expect(saved!.position).toMatchObject(position);
    expect(await train(job, { saved })).toEqual(whole);
  });

  it('is saved when it is stopped between steps', async () => {
    const whole = await train(job);
    let steps = 0;
    let saved: SavedTail | undefined;
    await train(job, {
      shouldStop: () => ++steps > 9,
      saveAtEnd: (state) => {
        saved = copied(state);
      },
    });
    expect(saved!.position).toMatchObject({ step: 2, history: [{ epoch: 1 }] });
    expect(await train(job, { saved })).toEqual(whole);
  });
});
