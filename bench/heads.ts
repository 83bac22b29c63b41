/** Head-steps per second of a sweep on made-up features. */
import { availableParallelism } from 'node:os';
import type { TrainingData } from '../src/shared/dataset/data.ts';
import type { HeadConfig } from '../src/shared/head/config.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { random } from '../src/shared/random.ts';
import { sweep } from '../src/train/sweep/sweep.ts';
import type { Measurement } from './report.ts';

/** Features with a weak signal for each of the classes. */
export function madeUpData(rows: number, inputs: number, classes: number): TrainingData {
  const val = Math.round(rows / 7);
  const features = new Float32Array(new SharedArrayBuffer(rows * inputs * Float32Array.BYTES_PER_ELEMENT));
  const targets = new Uint8Array(new SharedArrayBuffer(rows * classes));
  const stream = random(0, 'bench');
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) features[row * inputs + i] = stream.uniform();
    const label = stream.integer(classes);
    targets[row * classes + label] = 1;
    for (let i = label; i < inputs; i += 50) features[row * inputs + i] += 0.3;
  }
  return {
    task: 'multiclass',
    inputs,
    classes,
    rows: { train: rows - val, val, test: 0 },
    features: { none: features },
    targets,
  };
}

/** Steps that all heads took together, per second of the sweep. */
export async function headSteps(
  data: TrainingData,
  configs: readonly HeadConfig[],
  engine = 'onnxruntime',
): Promise<{ rate: number; seconds: number; accuracy: number }> {
  let steps = 0;
  let accuracy = 0;
  const started = performance.now();
  await sweep(
    configs.map((config, index) => ({ id: String(index), config })),
    {
      data,
      engine,
      workers: availableParallelism(),
      signal: new AbortController().signal,
      onEpoch: () => {},
      onFinished({ result }) {
        steps += result.epochs * Math.ceil(data.rows.train / result.config.batchSize);
        accuracy = Math.max(accuracy, result.val.accuracy ?? 0);
      },
    },
  );
  const seconds = (performance.now() - started) / 1000;
  return { rate: steps / seconds, seconds, accuracy };
}

export async function benchHeads(): Promise<Measurement[]> {
  const data = madeUpData(14_000, 2048, 7);
  const base = { normalize: 'none', epochs: 2, earlyStopping: 0 } as const;
  const grid = [0.01, 0.003, 0.001, 0.0003].flatMap((lr) =>
    [0, 0.5].flatMap((dropout) => [0, 1e-4, 1e-3, 1e-2].map((l2) => ({ ...base, lr, dropout, l2 }))),
  );
  const hidden = await headSteps(
    data,
    grid.map((request) => resolveConfig({ ...request, hidden: [64] }, 'multiclass')),
  );
  const linear = await headSteps(
    data,
    grid.map((request) =>
      resolveConfig({ ...request, dropout: 0, seed: request.dropout * 2, batchSize: 256 }, 'multiclass'),
    ),
  );
  return [
    { what: '32 heads 2048-64-7, batch 32, 14,000 rows', value: hidden.rate, unit: 'head-steps/s' },
    { what: '32 heads 2048-7, batch 256, 14,000 rows', value: linear.rate, unit: 'head-steps/s' },
  ];
}
