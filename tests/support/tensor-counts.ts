/** What TensorFlow.js holds before and after much work: it frees nothing by itself. */

import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { deviceEngineOf } from '../../src/shared/engines/device.ts';
import { tensorflowEngine } from '../../src/shared/engines/tensorflow/index.ts';
import type { Runtime } from '../../src/shared/engines/tensorflow/runtime.ts';
import type { HeadConfig } from '../../src/shared/head/config.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import { createArena } from '../../src/shared/training/arena.ts';
import { createInitialParameters } from '../../src/shared/training/initial.ts';
import { createDeviceData } from '../../src/train/sweep/device/device-data.ts';
import { createPrograms } from '../../src/train/sweep/programs.ts';
import { trainStack } from '../../src/train/sweep/train-stack.ts';
import { clouds } from './point-clouds.ts';

/** Numbers of tensors: before anything, after a little work, after all of it, and once everything is released. */
export interface Tensors {
  before: number;
  early: number;
  late: number;
  released: number;
}

/** Trains two heads with a hidden layer for so many steps of 8 rows, on the device or through the arena. */
export async function trainSteps(runtime: Runtime, steps: number, onDevice: boolean): Promise<Tensors> {
  const count = () => runtime.tf.memory().numTensors;
  const before = count();
  const engine = tensorflowEngine(runtime);
  const data = clouds({ train: 80, val: 16, test: 0 }, { inputs: 12 });
  const device = onDevice ? createDeviceData(deviceEngineOf(engine), data) : undefined;
  const programs = createPrograms(engine);
  const counts: number[] = [];
  const epochs = steps / 10;
  const configOf = (lr: number): HeadConfig =>
    resolveConfig(
      {
        lr,
        epochs,
        hidden: [8],
        dropout: 0.2,
        batchSize: 8,
        normalize: 'none',
        earlyStopping: 0,
      },
      'multiclass',
    );
  const jobs = [1e-3, 1e-4].map((lr, index) => ({ id: String(index + 1), config: configOf(lr) }));
  // Without a device, heads with hidden layers train one by one.
  for (const stack of onDevice ? [jobs] : [[jobs[0]]]) {
    await trainStack(stack, {
      data,
      device,
      programs,
      arena: createArena(),
      initial: createInitialParameters(),
      onFinished: () => {},
      onEpoch: () => counts.push(count()),
      shouldStop: () => false,
    });
  }
  device?.release();
  await programs.release();
  return { before, early: counts[1], late: counts.at(-1) ?? Number.NaN, released: count() };
}

/** Puts so many images through the smallest backbone, eight at a time. */
export async function extractImages(runtime: Runtime, images: number): Promise<Tensors> {
  const count = () => runtime.tf.memory().numTensors;
  const before = count();
  const size = { width: 32, height: 32 };
  const { graph } = await loadBackbone({ name: 'mobilenet_0.25', weights: 'none', size, poolings: ['avg'] });
  const program = await tensorflowEngine(runtime).compile(graph);
  const pixels = new Uint8Array(8 * size.width * size.height * 3).fill(100);
  await program.run({ pixels });
  const early = count();
  for (let done = 8; done < images; done += 8) await program.run({ pixels });
  const late = count();
  await program.release();
  return { before, early, late, released: count() };
}
