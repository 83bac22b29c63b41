/** A sweep's rows on an engine's device, moved there once, and the programs that all its stacks share. */

import { splitFeatures, type TrainingData } from '../../../shared/dataset/data.ts';
import type { DeviceArray, DeviceEngine, DeviceProgram } from '../../../shared/engines/engine.ts';
import type { Graph } from '../../../shared/graph/value.ts';
import type { HeadConfig, Normalization } from '../../../shared/head/config.ts';
import { targetFiller } from '../../../shared/training/batches.ts';

/** The settings that decide targets and weights. */
type TargetSettings = Pick<HeadConfig, 'normalize' | 'output' | 'labelSmoothing' | 'classWeight'>;

export interface DeviceData {
  readonly engine: DeviceEngine;
  /** A split's features, [rows, inputs]. */
  features(normalize: Normalization, split: 'train' | 'val'): DeviceArray;
  /** Targets and weights of the training rows, [rows, classes] each; weights carry 1 / `batch`. */
  targets(settings: TargetSettings, batch: number): { targets: DeviceArray; weights: DeviceArray };
  /** A program by a name that says all that its graph depends on. */
  program(key: string, graph: () => Graph): DeviceProgram;
  release(): void;
}

export function createDeviceData(engine: DeviceEngine, data: TrainingData): DeviceData {
  const arrays = new Map<string, DeviceArray>();
  const programs = new Map<string, DeviceProgram>();
  const once = <T>(cache: Map<string, T>, key: string, make: () => T): T => {
    const found = cache.get(key) ?? make();
    cache.set(key, found);
    return found;
  };
  const { inputs, classes, rows } = data;

  return {
    engine,
    features: (normalize, split) =>
      // A copy, because native libraries do not take shared memory.
      once(arrays, `features ${normalize} ${split}`, () =>
        engine.upload(splitFeatures(data, normalize, split).slice(), [rows[split], inputs]),
      ),
    targets(settings, batch) {
      const { output, labelSmoothing, classWeight } = settings;
      const key = JSON.stringify([output, labelSmoothing, classWeight]);
      const filled = () => {
        const buffers = {
          targets: new Float32Array(rows.train * classes),
          weights: new Float32Array(rows.train * classes),
        };
        const all = Int32Array.from({ length: rows.train }, (_, row) => row);
        targetFiller(data, settings)(all, buffers);
        return buffers;
      };
      const shape = [rows.train, classes];
      return {
        targets: once(arrays, `targets ${key}`, () => engine.upload(filled().targets, shape)),
        weights: once(arrays, `weights ${batch} ${key}`, () => {
          const share = rows.train / batch;
          return engine.upload(
            filled().weights.map((weight) => weight * share),
            shape,
          );
        }),
      };
    },
    program: (key, graph) => once(programs, key, () => engine.compile(graph())),
    release() {
      for (const array of arrays.values()) array.free();
      for (const program of programs.values()) program.release();
      arrays.clear();
      programs.clear();
    },
  };
}
