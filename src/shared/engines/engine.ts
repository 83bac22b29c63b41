/** Engines by name, and how one is chosen. A new engine is one folder and one row here. */

import { InputError, messageOf, usage } from '../errors.ts';
import type { Engine, EngineOptions } from './interface.ts';

export type * from './interface.ts';
export { DEVICES } from './interface.ts';

/** Engine folders load on demand, so a machine needs only the packages of the engine it uses. */
const ENGINES = {
  onnxruntime: async (options: EngineOptions): Promise<Engine> =>
    (await importOnnxruntime()).createOnnxruntimeEngine(options),
  tensorflow: async (options: EngineOptions): Promise<Engine> =>
    (await import('./tensorflow/index.ts')).createTensorflowEngine(options),
};

type EngineName = keyof typeof ENGINES;
export const ENGINE_NAMES = ['auto', ...Object.keys(ENGINES)] as const;

/**
 * Loads an engine by name; `auto` takes the fastest one that this machine can run.
 * @throws UsageError for an unknown name, InputError when a package is missing or does not load
 */
export async function loadEngine(name: string, options: EngineOptions = {}): Promise<Engine> {
  if (name === 'auto') return automaticEngine(options);
  if (!(name in ENGINES)) throw usage(`one of ${ENGINE_NAMES.join(', ')}`, '--engine', name);
  return ENGINES[name as EngineName](options);
}

/** A GPU before anything else, then onnxruntime, then whatever TensorFlow.js has. */
async function automaticEngine(options: EngineOptions): Promise<Engine> {
  const { device = 'auto' } = options;
  if (device === 'auto' || device === 'cuda') {
    const { gpuEngine } = await import('./tensorflow/index.ts');
    const gpu = await gpuEngine(options);
    if (gpu) return gpu;
  }
  try {
    return await ENGINES.onnxruntime(options);
  } catch (withoutOnnxruntime) {
    try {
      return await ENGINES.tensorflow(options);
    } catch (withoutTensorflow) {
      throw new InputError(`${messageOf(withoutOnnxruntime)}. ${messageOf(withoutTensorflow)}`);
    }
  }
}

async function importOnnxruntime(): Promise<typeof import('./onnxruntime/index.ts')> {
  try {
    return await import('./onnxruntime/index.ts');
  } catch (thrown) {
    const [reason] = messageOf(thrown).split('\n', 1);
    const isMissing = reason.startsWith("Cannot find package 'onnxruntime-node'");
    throw new InputError(
      `Expected the package onnxruntime-node for --engine onnxruntime but it ` +
        `${isMissing ? 'is not installed' : `cannot be loaded (${reason})`}: npm install onnxruntime-node`,
    );
  }
}
