/** A tail and its head on an engine's device: weights and optimiser state stay there, batches go there and losses come back. */
import { setImmediate } from 'node:timers/promises';
import { deviceEngineOf } from '../../../shared/engines/device.ts';
import type { DeviceArray, Engine } from '../../../shared/engines/engine.ts';
import { tailPrediction } from '../../../shared/training/tail-step.ts';
import { type InputFeeds, type InputSizes, inputShapes } from '../inputs.ts';
import type { TailGraphs, TailPrograms } from '../programs.ts';
import { BLOCKS, type TailBlocks, type TailState } from '../state.ts';
import { type TensorLayout, tensorIn } from '../tensors.ts';
import { HYPER, hyperparameters, stateKey, stepGraph, stepKind } from './step-graph.ts';

/** The names of a tensor's arrays, in the order of the blocks. */
const BLOCK_KEYS = {
  parameters: (key: string) => key,
  first: (key: string) => stateKey(key, 0),
  second: (key: string) => stateKey(key, 1),
} satisfies Record<(typeof BLOCKS)[number], (key: string) => string>;

export function deviceState(
  { engine, programs, graphs }: { engine: Engine; programs: TailPrograms; graphs: TailGraphs },
  { tensors, length }: TensorLayout,
  sizes: InputSizes,
): TailState {
  const device = deviceEngineOf(engine);
  const arrays = new Map<string, DeviceArray>();
  const hold = (name: string, array: DeviceArray) => {
    arrays.get(name)?.free();
    arrays.set(name, array);
  };
  const upload = (feeds: InputFeeds, size: number): Record<string, DeviceArray> => {
    const shapes = inputShapes(sizes, size);
    return Object.fromEntries(
      // Copies, since native libraries may read them later.
      Object.entries(feeds).map(([name, data]) => [name, device.upload(data.slice(), shapes.get(name)!)]),
    );
  };
  return {
    load(blocks) {
      for (const block of BLOCKS)
        for (const tensor of tensors)
          hold(
            BLOCK_KEYS[block](tensor.key),
            device.upload(tensorIn(blocks[block], tensor).slice(), tensor.shape),
          );
    },
    async save() {
      const blocks: TailBlocks = {
        parameters: new Float32Array(length),
        first: new Float32Array(length),
        second: new Float32Array(length),
      };
      for (const block of BLOCKS)
        for (const tensor of tensors)
          tensorIn(blocks[block], tensor).set(await arrays.get(BLOCK_KEYS[block](tensor.key))!.read());
      return blocks;
    },
    async step(feeds, size, settings, rates) {
      // Between two steps, messages get their turn.
      await setImmediate();
      const kind = stepKind(settings, rates);
      const program = await programs.once(`device step ${size} ${JSON.stringify(kind)}`, () =>
        device.compile(stepGraph({ ...graphs.step, batch: size }, tensors, kind)),
      );
      const fed = upload(feeds, size);
      const values = hyperparameters(settings, rates);
      fed[HYPER] = device.upload(values, [values.length]);
      const { loss, ...replaced } = program.run({ ...Object.fromEntries(arrays), ...fed });
      for (const array of Object.values(fed)) array.free();
      for (const [name, array] of Object.entries(replaced)) hold(name, array);
      const [value] = await loss.read();
      loss.free();
      return value;
    },
    async predict(feeds, size) {
      await setImmediate();
      const program = await programs.once(`device predict ${size}`, () =>
        device.compile(tailPrediction({ ...graphs.prediction, batch: size })),
      );
      const fed = upload(feeds, size);
      const { probabilities } = program.run({ ...Object.fromEntries(arrays), ...fed });
      for (const array of Object.values(fed)) array.free();
      const values = await probabilities.read();
      probabilities.free();
      return values;
    },
    release() {
      for (const array of arrays.values()) array.free();
      arrays.clear();
    },
  };
}
