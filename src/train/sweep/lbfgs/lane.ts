/** One head of an exact solution: its numbers in the arena. */

import type { TrainingData } from '../../../shared/dataset/data.ts';
import type { HeadJob } from '../../../shared/search/configurations.ts';
import { type Allocate, type Arena, type ArenaArray, wholeVectors } from '../../../shared/training/arena.ts';
import { type Curvature, createCurvature } from './lbfgs.ts';
import type { Logits } from './line-loss.ts';

/** A head that is being solved, beside others. */
export interface Lane extends Logits {
  job: HeadJob;
  /** Vectors of a {@link Shape}. */
  point: ArenaArray;
  gradient: ArenaArray;
  direction: ArenaArray;
  curvature: Curvature;
  /** The mean loss and the penalty. */
  value: number;
  iterations: number;
  seconds: number;
  done: boolean;
}

/** How a head's numbers lie in a vector: its kernel [classes, inputs], then its biases, both padded to whole vectors. */
export interface Shape {
  classes: number;
  inputs: number;
  /** Where the biases begin. */
  kernel: number;
  size: number;
  /** Rows of a class's logits, rounded up to whole vectors. */
  pitch: number;
}

export function shapeOf({ classes, inputs, rows }: TrainingData): Shape {
  const kernel = wholeVectors(classes * inputs);
  return { classes, inputs, kernel, size: kernel + wholeVectors(classes), pitch: wholeVectors(rows.train) };
}

/** A head at zero. @param allocate see {@link layOut} */
export function createLane(
  job: HeadJob,
  { kernels }: Arena,
  allocate: Allocate,
  { classes, size, pitch }: Shape,
): Lane {
  const logits = () => allocate(classes * pitch);
  const curvature = createCurvature(kernels, allocate, size);
  const gradient = allocate(size);
  return {
    job,
    curvature,
    gradient,
    point: allocate(size),
    direction: gradient,
    logits: logits(),
    logitDirection: logits(),
    residuals: logits(),
    value: 0,
    iterations: 0,
    seconds: 0,
    done: false,
  };
}

/** A lane's parameters in the order of headParameters, for features that are not centred. */
export function parametersOf(
  { point: { view } }: Lane,
  means: Float64Array,
  { inputs, classes, kernel }: Shape,
): Float32Array {
  const parameters = new Float32Array(classes * (inputs + 1));
  for (let c = 0; c < classes; c++) {
    let shift = 0;
    for (let i = 0; i < inputs; i++) {
      const weight = view[c * inputs + i];
      parameters[i * classes + c] = weight;
      shift += weight * means[i];
    }
    parameters[inputs * classes + c] = view[kernel + c] - shift;
  }
  return parameters;
}
