/** What the stages ask of a numeric runtime, and how one is chosen. A new engine is one folder and one row here. */

import { InputError, messageOf, usage } from '../errors.ts';
import type { Graph } from '../graph/value.ts';

/** Arrays by the names of a graph's inputs; the open batch size follows from their lengths. */
export type Feeds = Readonly<Record<string, Float32Array | Uint8Array>>;

/** Arrays by the names of a graph's outputs. */
export type Results = Record<string, Float32Array>;

/** A compiled graph. */
export interface Program {
  /**
   * Computes every output.
   * @param feeds one array for each input
   * @param into arrays to write outputs to, in place; outputs without one get a new array.
   *   Where an engine reads arrays in place, feeding the same array objects again costs nothing extra.
   */
  run(feeds: Feeds, into?: Readonly<Results>): Promise<Results>;
  /** Frees the native memory. Engines reclaim it imperfectly, so compile once per shape and reuse. */
  release(): Promise<void>;
}

/** Where an engine can be asked to compute; `auto`: on an NVIDIA GPU through TensorFlow, else on the CPU. */
export const DEVICES = ['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type DeviceChoice = (typeof DEVICES)[number];
export type Device = Exclude<DeviceChoice, 'auto'>;

export interface EngineOptions {
  /** Threads inside one operation; default: all cores. */
  threads?: number;
  /** Default: auto. */
  device?: DeviceChoice;
  /** Told when the engine computes elsewhere than it was asked to. */
  note?(message: string): void;
}

export interface Engine {
  readonly name: EngineName;
  /** The runtime's version, and its package's name where there are several. */
  readonly version: string;
  readonly device: Device;
  /** Whether a run keeps only one core busy, so that a machine is filled by several threads with an engine each. */
  readonly singleThreaded: boolean;
  compile(graph: Graph): Promise<Program>;
}

/** Engine folders load on demand, so a machine needs only the packages of the engine it uses. */
const ENGINES = {
  onnxruntime: async (options: EngineOptions): Promise<Engine> =>
    (await importOnnxruntime()).createOnnxruntimeEngine(options),
  tensorflow: async (options: EngineOptions): Promise<Engine> =>
    (await import('./tensorflow/index.ts')).createTensorflowEngine(options),
};

export type EngineName = keyof typeof ENGINES;
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
    throw new InputError(
      `Expected the package onnxruntime-node for --engine onnxruntime but it cannot be loaded ` +
        `(${messageOf(thrown).split('\n', 1)[0]}): npm install onnxruntime-node`,
    );
  }
}
