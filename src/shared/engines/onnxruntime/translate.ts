/** Graph → ONNX model bytes. */
import type { ComputedOperation } from '../../graph/operations/index.ts';
import { BATCH, type Graph, type Value } from '../../graph/value.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { ONNX_OPERATIONS } from './operations.ts';
import { ELEMENT_TYPE, encodeModel, type OnnxValueInfo } from './proto.ts';

/**
 * Translates a graph to a serialised ONNX model whose inputs and outputs keep the graph's names.
 * @param block channels in a block, for a model that runs on this processor only
 */
export function toOnnx(graph: Graph, block?: number): Uint8Array {
  const emitter = createEmitter(block);
  const results = emitGraph(graph, emitter, new Map([...graph.inputs.keys()].map((name) => [name, name])));
  for (const [name, result] of results) nameOutput(emitter, result, name);
  return encodeModel({
    name: 'permafrost',
    node: emitter.nodes,
    initializer: emitter.initializers,
    input: [...graph.inputs].map(([name, value]) => valueInfo(name, value)),
    output: [...graph.outputs].map(([name, value]) => valueInfo(name, value)),
  });
}

/**
 * Adds a graph's nodes.
 * @param inputs what already emitted values are called, by the names of the graph's inputs
 * @returns what its results are called, by the names of its outputs
 */
export function emitGraph(
  graph: Graph,
  emitter: Emitter,
  inputs: ReadonlyMap<string, string>,
): Map<string, string> {
  for (const [name, value] of graph.inputs) emitter.define(value, inputs.get(name)!, 'plain');
  for (const value of graph.values) {
    if (isComputed(value)) translate(value, emitter);
  }
  return new Map([...graph.outputs].map(([name, value]) => [name, emitter.use(value)]));
}

/** Makes a result an output of that name. */
export function nameOutput(emitter: Emitter, result: string, name: string): void {
  emitter.nodes.push({ op_type: 'Identity', input: [result], output: [name], attribute: [] });
}

function isComputed(value: Value): value is Value<ComputedOperation> {
  return value.op !== 'input' && value.op !== 'constant';
}

function translate<O extends ComputedOperation>(value: Value<O>, emitter: Emitter): void {
  const { name, layout } = ONNX_OPERATIONS[value.op](value, emitter);
  emitter.define(value, name, layout);
}

function valueInfo(name: string, { shape, dtype }: Value): OnnxValueInfo {
  const dim = shape.map((size) => (size === BATCH ? { dim_param: 'batch' } : { dim_value: size }));
  return { name, type: { tensor_type: { elem_type: ELEMENT_TYPE[dtype], shape: { dim } } } };
}
