/** Whole sweeps on an engine's device: the same leaderboard as on onnxruntime, and nothing left behind. */

import { describe, expect, it } from 'vitest';
import { deviceEngineOf } from '../../../../src/shared/engines/device.ts';
import { createTensorflowEngine } from '../../../../src/shared/engines/tensorflow/index.ts';
import { loadRuntime, RUNTIME_NAMES } from '../../../../src/shared/engines/tensorflow/runtime.ts';
import type { HeadRequest } from '../../../../src/shared/head/options.ts';
import { resolveConfig, withoutIdleOptions } from '../../../../src/shared/head/resolve.ts';
import type { HeadJob } from '../../../../src/shared/search/configurations.ts';
import { createArena } from '../../../../src/shared/training/arena.ts';
import type { PausedHead, TrainedHead } from '../../../../src/shared/training/head-progress.ts';
import { createInitialParameters } from '../../../../src/shared/training/initial.ts';
import { createDeviceData } from '../../../../src/train/sweep/device/device-data.ts';
import { planWideStacks } from '../../../../src/train/sweep/device/plan-wide.ts';
import { createPrograms } from '../../../../src/train/sweep/programs.ts';
import { sweep } from '../../../../src/train/sweep/sweep.ts';
import { trainStack } from '../../../../src/train/sweep/train-stack.ts';
import { ENGINES_UNDER_TEST } from '../../../support/engines.ts';
import { clouds } from '../../../support/point-clouds.ts';

const data = clouds({ train: 240, val: 400, test: 0 }, { classes: 4, apart: 0.5 });

const jobsOf = (requests: readonly Partial<HeadRequest>[]): HeadJob[] =>
  requests.map((request, index) => ({
    id: String(index + 1),
    config: resolveConfig(withoutIdleOptions({ epochs: 8, normalize: 'none', ...request }), 'multiclass'),
  }));

const byId = (heads: readonly TrainedHead[]): TrainedHead[] =>
  [...heads].sort((a, b) => Number(a.result.id) - Number(b.result.id));

async function swept(jobs: readonly HeadJob[], engine: string, usesDevice: boolean): Promise<TrainedHead[]> {
  const heads: TrainedHead[] = [];
  await sweep(jobs, {
    data,
    engine,
    usesDevice,
    workers: 1,
    signal: new AbortController().signal,
    onEpoch: () => {},
    onFinished: (head) => heads.push(head),
  });
  return byId(heads);
}

/** Linear heads that stop early or leave the numbers, hidden ones with all layers, and exact ones. */
const SWEEP: Partial<HeadRequest>[] = [
  ...[0.3, 0.1, 0.03, 0.01].flatMap((lr) => [
    { lr, earlyStopping: 2 },
    { lr, optimizer: 'sgd', momentum: 0.9, earlyStopping: 2 } as const,
    { lr: lr / 10, hidden: [16], dropout: 0.2, batchNorm: true },
  ]),
  { lr: 1e38, optimizer: 'sgd', momentum: 0.9 },
  { optimizer: 'lbfgs', l2: 0.01 },
];

it('stacks heads of the same layers side by side, and leaves lbfgs to the host', () => {
  const sizes = planWideStacks(jobsOf(SWEEP), data).map(({ length }) => length);
  expect(sizes.sort()).toEqual([1, 4, 4, 5]);
  const [wide, rest] = planWideStacks(
    jobsOf(Array.from({ length: 400 }, (_, index) => ({ lr: 0.1 / (1 + index) }))),
    data,
  );
  expect([wide.length, rest.length]).toEqual([200, 200]);
  const large = { inputs: 2 ** 15, classes: 2 ** 10 };
  expect(planWideStacks(jobsOf([{}, { lr: 0.1 }, {}, {}, {}]), large).map(({ length }) => length)).toEqual([
    3, 2,
  ]);
});

it('gives the leaderboard that onnxruntime gives', async () => {
  const jobs = jobsOf(SWEEP);
  const expected = await swept(jobs, 'onnxruntime', false);
  const actual = await swept(jobs, 'tensorflow', true);
  expect(actual).toHaveLength(jobs.length);
  const statuses = new Set(expected.map(({ result: { status } }) => status));
  expect([...statuses].sort()).toEqual(['diverged', 'done']);
  for (const [index, { result }] of expected.entries()) {
    const { status, val, epochs } = actual[index].result;
    expect(status).toBe(result.status);
    if (status === 'diverged') continue;
    expect(epochs).toBe(result.epochs);
    expect(Math.abs((val.accuracy ?? 0) - (result.val.accuracy ?? 1))).toBeLessThan(0.005);
    expect(val.loss).toBeCloseTo(result.val.loss ?? 0, 3);
  }
  expect(Math.max(...expected.map(({ result }) => result.val.accuracy ?? 0))).toBeGreaterThan(0.6);
});

const runtimes = RUNTIME_NAMES.filter((name) => ENGINES_UNDER_TEST.some((engine) => engine === name));

describe.each(runtimes)('a stack on the device of %s', (name) => {
  it('goes on after a pause, and leaves no tensor behind', async () => {
    const { tf } = await loadRuntime(1, [name]);
    const before = tf.memory().numTensors;
    const engine = await createTensorflowEngine({ threads: 1, runtimes: [name] });
    const device = createDeviceData(deviceEngineOf(engine), data);
    const trained = async (changes: Partial<HeadJob>, paused: PausedHead[]): Promise<TrainedHead[]> => {
      const heads: TrainedHead[] = [];
      const goesOn = paused.splice(0);
      await trainStack(
        jobsOf([0.3, 0.01, 0.003].map((lr) => ({ lr, hidden: [8], batchNorm: true, earlyStopping: 3 }))).map(
          (job) => ({ ...job, ...changes }),
        ),
        {
          data,
          device,
          arena: createArena(),
          initial: createInitialParameters(),
          programs: createPrograms(engine),
          onFinished: (head) => heads.push(head),
          onPaused: (head) => paused.push(head),
          onEpoch: () => {},
          shouldStop: () => false,
        },
        goesOn,
      );
      return byId(heads);
    };
    const numbers = ({ result: { seconds, ...result }, parameters }: TrainedHead) => ({ result, parameters });
    const whole = await trained({}, []);
    const paused: PausedHead[] = [];
    expect(await trained({ pauseAfter: 2 }, paused)).toEqual([]);
    expect(paused).toHaveLength(3);
    const ended = await trained({ startAfter: 2 }, paused);
    expect(ended.map(numbers)).toEqual(whole.map(numbers));
    device.release();
    expect(tf.memory().numTensors).toBe(before);
  });
});
