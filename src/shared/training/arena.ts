/** One block of memory per worker that the engine, the optimiser kernels and JavaScript all see in place. */
import { readFileSync } from 'node:fs';
import { builtFiles } from '../built-files.ts';
import { InputError } from '../errors.ts';

/** The functions of kernels/; see there for their arguments. */
export interface Kernels {
  adam(...args: number[]): void;
  sgd(...args: number[]): void;
  rmsprop(...args: number[]): void;
  adagrad(...args: number[]): void;
  adadelta(...args: number[]): void;
  maxNorm(p: number, units: number, inputs: number, limit: number): void;
  dropoutMask(mask: number, count: number, threshold: number, scale: number, seed: number): void;
  rowPanels(...args: number[]): void;
  kernelGradient(...args: number[]): void;
  dot(a: number, b: number, count: number): number;
  add(a: number, b: number, count: number, factor: number): void;
  scale(a: number, count: number, factor: number): void;
  sum(a: number, count: number): number;
  largest(a: number, count: number): number;
  softmaxLoss(...args: number[]): void;
  sigmoidLoss(...args: number[]): void;
}

/** A zeroed array inside the arena. `address` is what kernels take; `padded` its length rounded up to whole vectors. */
export interface ArenaArray {
  readonly view: Float32Array;
  readonly address: number;
  readonly padded: number;
}

export interface Arena {
  readonly kernels: Kernels;
  /**
   * Frees everything allocated before and makes room for `floats` numbers; earlier views become unusable.
   * @throws InputError when there is no such room
   */
  reset(floats: number): void;
  /** A zeroed array of `length` numbers. */
  allocate(length: number): ArenaArray;
}

/** Gives a zeroed array of `length` numbers. */
export type Allocate = (length: number) => ArenaArray;

/** Stands for any array while a layout is only added up. */
const NO_ARRAY: ArenaArray = { view: new Float32Array(0), address: 0, padded: 0 };

/** Room that the arrays of a layout take in an arena, in floats. @param layout see {@link layOut} */
export function layoutFloats(layout: (allocate: Allocate) => unknown): number {
  let floats = 0;
  layout((length) => {
    floats += arenaFloats(length);
    return NO_ARRAY;
  });
  return floats;
}

/**
 * Lays arrays out in an arena; whatever was there is lost.
 * @param layout allocates them all and returns them, without a look inside: it is called once to add up the room that they
 *   take, and once more to have them
 * @throws InputError when there is no such room
 */
export function layOut<T>(arena: Arena, layout: (allocate: Allocate) => T): T {
  arena.reset(layoutFloats(layout));
  return layout(arena.allocate);
}

const PAGE_BYTES = 65_536;
const VECTOR_FLOATS = 4;
/** Alignment of every array, a cache line, in floats. */
const ALIGNMENT_FLOATS = 16;

/** A length, rounded up to whole vectors. */
export function wholeVectors(length: number): number {
  return Math.ceil(length / VECTOR_FLOATS) * VECTOR_FLOATS;
}

/** Room that an array of `length` numbers takes in an arena, in floats. */
function arenaFloats(length: number): number {
  return Math.ceil(length / ALIGNMENT_FLOATS) * ALIGNMENT_FLOATS;
}

/** What does not fit, and how it would, where heads train. */
const HEADS: ArenaContent = {
  what: 'heads',
  remedy: 'use fewer hidden units, smaller batches or fewer features',
};

/** What an arena is for, as errors say it. */
interface ArenaContent {
  what: string;
  remedy: string;
}

export function createArena(content: ArenaContent = HEADS): Arena {
  // Address 0 stays unused: the first page is the kernels' own.
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(
    readFileSync(builtFiles.asset('shared/training/kernels/kernels.wasm')),
  );
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  let used = 0;
  return {
    kernels: instance.exports as unknown as Kernels,
    reset(floats) {
      const pages = 1 + Math.ceil((floats * Float32Array.BYTES_PER_ELEMENT) / PAGE_BYTES);
      const present = memory.buffer.byteLength / PAGE_BYTES;
      if (pages > present) grow(memory, pages - present, content);
      used = PAGE_BYTES;
    },
    allocate(length) {
      const address = used;
      used += arenaFloats(length) * Float32Array.BYTES_PER_ELEMENT;
      const padded = wholeVectors(length);
      new Float32Array(memory.buffer, address, padded).fill(0);
      return { view: new Float32Array(memory.buffer, address, length), address, padded };
    },
  };
}

/** WebAssembly has addresses for 4 GB. */
function grow(memory: WebAssembly.Memory, pages: number, { what, remedy }: ArenaContent): void {
  try {
    memory.grow(pages);
  } catch (cause) {
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    const needed = gigabytes(memory.buffer.byteLength + pages * PAGE_BYTES);
    throw new InputError(
      `Expected ${what} that fit into 4 GB per worker, or into the free memory, but some need ${needed}: ${remedy}`,
      { cause },
    );
  }
}
