/** A stack's arrays on an engine's device, by the names that a step graph gives them. */
import type { DeviceArray, DeviceEngine } from '../../../shared/engines/engine.ts';
import { elementCount } from '../../../shared/graph/value.ts';
import { headParameters } from '../../../shared/head/layers.ts';
import { readLane, writeLane } from '../../../shared/training/lanes.ts';
import { parameterShape, type StackShape } from '../training-graph.ts';

export interface DeviceArrays {
  /** Takes an array over, and frees the one that had its name. */
  hold(name: string, array: DeviceArray): void;
  get(name: string): DeviceArray;
  all(): Record<string, DeviceArray>;
  /** Fills an array of every parameter with the numbers of each lane, in the order of headParameters. */
  scatter(nameOf: (parameter: string) => string, lanes: readonly Float32Array[]): void;
  /** Reads an array of every parameter, and cuts out what belongs to each of `lanes`. */
  gather(nameOf: (parameter: string) => string, lanes: readonly number[]): Promise<Float32Array[]>;
  release(): void;
}

export function createDeviceArrays(engine: DeviceEngine, shape: StackShape): DeviceArrays {
  const arrays = new Map<string, DeviceArray>();
  let length = 0;
  const tensors = headParameters(shape.layers).map((spec) => {
    const start = length;
    length += elementCount(spec.shape);
    return { spec, size: parameterShape(spec, shape), start, end: length };
  });
  const hold = (name: string, array: DeviceArray) => {
    arrays.get(name)?.free();
    arrays.set(name, array);
  };
  const get = (name: string): DeviceArray => {
    const array = arrays.get(name);
    if (!array) throw new Error(`A stack has no ${name} on its device`);
    return array;
  };
  return {
    hold,
    get,
    all: () => Object.fromEntries(arrays),
    scatter(nameOf, lanes) {
      for (const { spec, size, start, end } of tensors) {
        const all = new Float32Array(elementCount(size));
        for (const [lane, values] of lanes.entries()) writeLane(all, values.subarray(start, end), spec, lane);
        hold(nameOf(spec.name), engine.upload(all, size));
      }
    },
    async gather(nameOf, lanes) {
      const values = lanes.map(() => new Float32Array(length));
      for (const { spec, start, end } of tensors) {
        const all = await get(nameOf(spec.name)).read();
        for (const [index, lane] of lanes.entries())
          readLane(all, values[index].subarray(start, end), spec, lane);
      }
      return values;
    },
    release() {
      for (const array of arrays.values()) array.free();
      arrays.clear();
    },
  };
}
