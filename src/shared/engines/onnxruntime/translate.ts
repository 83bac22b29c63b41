/** Graph → ONNX model bytes. */
import type { ComputedOperation } from '../../graph/operations/index.ts';
import { BATCH, type Graph, type Value } from '../../graph/value.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { ONNX_OPERATIONS } from './operations.ts';
import { ELEMENT_TYPE, encodeModel, type OnnxValueInfo } from './proto.ts';

/** Translates a graph to a serialised ONNX model whose inputs and outputs keep the graph's names. */
export function toOnnx(graph: Graph): Uint8Array {
  const emitter = createEmitter();
  for (const [name, value] of graph.inputs) emitter.define(value, name, 'plain');
  for (const value of graph.values) {
    if (isComputed(value)) translate(value, emitter);
  }
  for (const [name, value] of graph.outputs) {
    emitter.nodes.push({ op_type: 'Identity', input: [emitter.use(value)], output: [name], attribute: [] });
  }
  return encodeModel({
    name: 'permafrost',
    node: emitter.nodes,
    initializer: emitter.initializers,
    input: [...graph.inputs].map(([name, value]) => valueInfo(name, value)),
    output: [...graph.outputs].map(([name, value]) => valueInfo(name, value)),
  });
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
