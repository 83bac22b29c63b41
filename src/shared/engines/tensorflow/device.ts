/** Arrays that stay on TensorFlow's device from one run to the next. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { BATCH, type Graph } from '../../graph/value.ts';
import type { DeviceArray, DeviceEngine, DeviceProgram } from '../interface.ts';
import { planGraph } from './plan.ts';
import type { Tensorflow } from './runtime.ts';

/** The tensors behind the arrays that were handed out. */
interface Tensors {
  arrayOf(tensor: Tensor): DeviceArray;
  tensorOf(array: DeviceArray | undefined, name: string): Tensor;
}

export function deviceEngine(tf: Tensorflow): DeviceEngine {
  const tensors = trackTensors();
  return {
    upload: (data, shape) => tensors.arrayOf(tf.tensor(data, [...shape], 'float32')),
    gather: (matrix, rows) =>
      tensors.arrayOf(
        tf.tidy(() => tf.gather(tensors.tensorOf(matrix, 'a matrix'), tf.tensor1d(rows, 'int32'))),
      ),
    compile: (graph) => compileOnDevice(tf, graph, tensors),
  };
}

function trackTensors(): Tensors {
  const tensors = new WeakMap<DeviceArray, Tensor>();
  return {
    arrayOf(tensor) {
      const array: DeviceArray = {
        read: () => tensor.data<'float32'>(),
        free: () => tensor.dispose(),
      };
      tensors.set(array, tensor);
      return array;
    },
    tensorOf(array, name) {
      const tensor = array && tensors.get(array);
      if (!tensor) throw new Error(`Expected an array of this engine for ${name}`);
      return tensor;
    },
  };
}

function compileOnDevice(tf: Tensorflow, graph: Graph, { arrayOf, tensorOf }: Tensors): DeviceProgram {
  const plan = planGraph(tf, graph);
  const open = [...graph.inputs].find(([, { shape }]) => shape[0] === BATCH)?.[0];
  return {
    run(feeds) {
      const inputs = new Map([...graph.inputs.keys()].map((name) => [name, tensorOf(feeds[name], name)]));
      const batch = open === undefined ? 1 : (inputs.get(open)?.shape[0] ?? 1);
      const outputs = tf.tidy(() => {
        const taken = new Set<Tensor>(inputs.values());
        const made: Record<string, Tensor> = {};
        for (const [name, tensor] of plan.compute(inputs, batch)) {
          // Whoever receives an output frees it, so that no two may share a tensor.
          made[name] = taken.has(tensor) || tensor.kept ? tensor.clone() : tensor;
          taken.add(tensor);
        }
        return made;
      });
      return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, arrayOf(tensor)]));
    },
    release: plan.release,
  };
}
