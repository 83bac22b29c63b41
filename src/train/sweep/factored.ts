/**
 * The gradient of a first hidden layer's kernel, left in its two factors: the graph gives the errors of the units, and the product with
 * the batch is taken block by block while the optimiser steps. The whole gradient, as large as the kernel, is never written.
 */
import type { HeadLayer } from '../../shared/head/layers.ts';
import type { Allocate, Arena, ArenaArray } from '../../shared/training/arena.ts';
import { type OptimizedTensor, type StepSettings, stepper } from '../../shared/training/optimizers.ts';

/** Errors other than zero that a unit is expected to have in a batch, at most: with more, the engine's product is as fast. */
const MAX_ERRORS = 32;
/** Numbers that the kernel's panels are wide. */
const PANEL = 16;
/** Units whose gradient is made at once: 16 of 2,048 inputs take 128 kB of the second cache. */
const BLOCK = 16;

/** What is left of the errors behind some layers; layers not named pass none as zero. */
const LEFT: Partial<Record<HeadLayer['kind'], (layer: HeadLayer) => number>> = {
  activation: (layer) => (layer.kind === 'activation' && layer.activation === 'relu' ? 0.5 : 1),
  dropout: (layer) => (layer.kind === 'dropout' ? 1 - layer.rate : 1),
};

/** The kernel whose gradient is left in factors when heads of these layers train on such batches, if any. */
export function factoredKernel(
  layers: readonly HeadLayer[],
  inputs: number,
  batchSize: number,
): string | undefined {
  const [first, ...rest] = layers;
  const isHidden = rest.some(({ kind }) => kind === 'dense');
  if (first.kind !== 'dense' || !isHidden || inputs % PANEL !== 0) return undefined;
  const own = rest.slice(
    0,
    rest.findIndex(({ kind }) => LEFT[kind] === undefined),
  );
  const share = own.reduce((left, layer) => left * (LEFT[layer.kind]?.(layer) ?? 1), 1);
  return batchSize * share <= MAX_ERRORS ? `${first.name}/kernel` : undefined;
}

export interface FactoredSizes {
  lanes: number;
  /** Of one head's layer. */
  units: number;
  inputs: number;
  batchSize: number;
}

export interface FactoredGradient {
  /** Takes the errors of the units, [units, batch]. */
  readonly errors: ArenaArray;
  /** The part of it that a batch of so many rows fills. */
  errorsOf(rows: number): Float32Array;
  /** Copies a batch, [rows, inputs], for the steps of all lanes. */
  take(features: ArenaArray, rows: number): void;
  /** Steps one head's kernel, [units, inputs], by the gradient on the batch. */
  step(
    settings: StepSettings,
    tensor: Omit<OptimizedTensor, 'gradient'>,
    of: { lane: number; rows: number },
  ): void;
}

/** @param allocate see {@link layOut} */
export function createFactored(
  arena: Arena,
  allocate: Allocate,
  { lanes, units, inputs, batchSize }: FactoredSizes,
): FactoredGradient {
  const { kernels } = arena;
  const errors = allocate(lanes * units * batchSize);
  const panels = allocate(batchSize * inputs);
  const lists = allocate(2 * BLOCK * (batchSize + 1));
  const gradient = allocate(BLOCK * inputs);
  return {
    errors,
    errorsOf: (rows) => errors.view.subarray(0, lanes * units * rows),
    take: (features, rows) => kernels.rowPanels(panels.address, features.address, rows, inputs),
    step(settings, { parameter, state }, { lane, rows }) {
      const apply = stepper(arena, settings, { inputs, isKernel: true });
      const end = (lane + 1) * units;
      for (let unit = lane * units; unit < end; unit += BLOCK) {
        const count = Math.min(BLOCK, end - unit);
        const own = errors.address + unit * rows * Float32Array.BYTES_PER_ELEMENT;
        kernels.kernelGradient(gradient.address, own, panels.address, lists.address, count, rows, inputs);
        const rowAddress = ({ address }: ArenaArray) =>
          address + unit * inputs * Float32Array.BYTES_PER_ELEMENT;
        apply(
          count * inputs,
          rowAddress(parameter),
          gradient.address,
          rowAddress(state[0]),
          rowAddress(state[1]),
        );
      }
    },
  };
}
