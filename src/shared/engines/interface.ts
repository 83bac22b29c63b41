/** What the stages ask of a numeric runtime. */
import type { Graph, Shape } from '../graph/value.ts';

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

/** Where an engine computes; `auto`: on an NVIDIA GPU through TensorFlow, else on the CPU. */
export const DEVICES = ['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type DeviceChoice = (typeof DEVICES)[number];
export type Device = Exclude<DeviceChoice, 'auto'>;

export interface EngineOptions {
  /** Threads inside one operation; default: all cores. */
  threads?: number;
  /** Default: auto. */
  device?: DeviceChoice;
  /** Told when the engine computes elsewhere than requested. */
  note?(message: string): void;
}

export interface Engine {
  readonly name: 'onnxruntime' | 'tensorflow';
  /** The runtime's version, and its package's name where there are several. */
  readonly version: string;
  readonly device: Device;
  /** Whether a run keeps only one core busy, so that a machine is filled by several threads with an engine each. */
  readonly singleThreaded: boolean;
  compile(graph: Graph): Promise<Program>;
  /** Where arrays can stay on the device from one run to the next. */
  readonly usesDevice?: DeviceEngine;
}

/** An array on an engine's device. Whoever received it frees it. */
export interface DeviceArray {
  read(): Promise<Float32Array>;
  free(): void;
}

/** A compiled graph whose inputs and outputs stay on the device. */
export interface DeviceProgram {
  /**
   * Computes every output.
   * @param feeds one array for each input, which the caller keeps
   * @returns new arrays, by the names of the outputs
   */
  run(feeds: Readonly<Record<string, DeviceArray>>): Record<string, DeviceArray>;
  /** Frees the graph's constants. */
  release(): void;
}

/** The part of an engine that keeps arrays on its device. */
export interface DeviceEngine {
  /** Copies an array to the device. */
  upload(data: Float32Array, shape: Shape): DeviceArray;
  /** The given rows of a matrix, in the given order. */
  gather(matrix: DeviceArray, rows: Int32Array): DeviceArray;
  compile(graph: Graph): DeviceProgram;
}
