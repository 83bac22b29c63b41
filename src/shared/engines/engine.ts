/** What the stages ask of a numeric runtime, and how one is chosen. A new engine is one folder and one row here. */

import { usage } from '../errors.ts';
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
   *   Feeding the same array objects again costs nothing extra.
   */
  run(feeds: Feeds, into?: Readonly<Results>): Promise<Results>;
  /** Frees the native memory. Engines reclaim it imperfectly, so compile once per shape and reuse. */
  release(): Promise<void>;
}

export interface CompileOptions {
  /** Threads inside one operation; default: all cores. */
  threads?: number;
}

export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
}

/** Engine folders load on demand, so a machine needs only the packages of the engine it uses. */
const ENGINES = {
  onnxruntime: async (): Promise<Engine> =>
    (await import('./onnxruntime/index.ts')).createOnnxruntimeEngine(),
};

export type EngineName = keyof typeof ENGINES;
export const ENGINE_NAMES = ['auto', ...Object.keys(ENGINES)] as const;

/** Loads an engine by name; `auto` takes the fastest one that this machine can run. */
export async function loadEngine(name: string): Promise<Engine> {
  const chosen = name === 'auto' ? 'onnxruntime' : name;
  if (!(chosen in ENGINES)) throw usage(`one of ${ENGINE_NAMES.join(', ')}`, '--engine', name);
  return ENGINES[chosen as EngineName]();
}
