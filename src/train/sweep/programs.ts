/** Compiled graphs of a worker, each made once: creating and releasing sessions leaks native memory. */
import type { Engine, Program } from '../../shared/engines/engine.ts';
import type { Graph } from '../../shared/graph/value.ts';
import { evaluationGraph, type StackShape, trainingGraph } from './training-graph.ts';

export interface Programs {
  training(stack: StackShape, batch: number): Promise<Program>;
  evaluation(stack: StackShape): Promise<Program>;
  /** A product with so many rows of features at a time (see exact/wide-products.ts). */
  product(graph: (rows: number, inputs: number) => Graph, rows: number, inputs: number): Promise<Program>;
  release(): Promise<void>;
}

export function createPrograms(engine: Engine): Programs {
  const compiled = new Map<string, Promise<Program>>();
  const once = (key: string, graph: () => Graph): Promise<Program> => {
    const program = compiled.get(key) ?? engine.compile(graph());
    compiled.set(key, program);
    return program;
  };
  return {
    training: (stack, batch) =>
      once(`training ${batch} ${shapeKey(stack)}`, () => trainingGraph(stack, batch)),
    evaluation: (stack) => once(`evaluation ${shapeKey(stack)}`, () => evaluationGraph(stack)),
    product: (graph, rows, inputs) => once(`${graph.name} ${rows} ${inputs}`, () => graph(rows, inputs)),
    async release() {
      for (const program of compiled.values()) await (await program).release();
      compiled.clear();
    },
  };
}

/** Heads with different dropout rates share graphs: the rate is in the masks they are fed. */
function shapeKey(stack: StackShape): string {
  return JSON.stringify(stack, (key, value: unknown) => (key === 'rate' ? undefined : value));
}
