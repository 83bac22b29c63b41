/** Cuts an ONNX model at some of its tensors: what these do not need is left out, and never computed. */
import { GRAPH, GRAPH_FIELDS, type GraphPart, type ModelGraph, NODE } from './graph.ts';
import { delimited, type Range } from './wire.ts';

/** The field of ValueInfoProto with the tensor's name. */
const VALUE_NAME = 1;

/**
 * The bytes of a model whose outputs are `outputs`, without the nodes, inputs and weights that these do not need. Weights in
 * other files stay there. Undefined where the model as it is has just these outputs and nothing to leave out.
 */
export function cutModel(bytes: Buffer, graph: ModelGraph, outputs: readonly string[]): Buffer | undefined {
  const needed = neededTensors(graph, outputs);
  const isKept = ({ name, node }: GraphPart): boolean => {
    if (node) return node.outputs.some((output) => needed.has(output));
    return name === undefined || needed.has(name);
  };
  const isWhole =
    outputs.length === graph.outputs.length &&
    outputs.every((output) => graph.outputs.includes(output)) &&
    graph.parts.every((part) => part.field === GRAPH_FIELDS.valueInfo || isKept(part));
  if (isWhole) return undefined;
  const isDescription = ({ field, name }: GraphPart): boolean =>
    field === GRAPH_FIELDS.output || (field === GRAPH_FIELDS.valueInfo && outputs.includes(name ?? ''));
  const kept = graph.parts.filter((part) => isKept(part) && !isDescription(part));
  const described = outputs.map((output) => {
    const known = graph.parts.find((part) => isDescription(part) && part.name === output);
    // Its type and shape, where the model does not say them, are inferred by onnxruntime.
    const content = known
      ? bytes.subarray(known.content.start, known.content.end)
      : delimited(VALUE_NAME, Buffer.from(output));
    return delimited(GRAPH_FIELDS.output, content);
  });
  return withGraph(bytes, graph, kept, described);
}

/** A model that gives the shape of each of some tensors, in the output {@link shapeOutput}, in place of its outputs. */
export function withShapes(bytes: Buffer, graph: ModelGraph, tensors: readonly string[]): Buffer {
  const added = tensors.map((tensor) => {
    const node = [
      delimited(NODE.input, Buffer.from(tensor)),
      delimited(NODE.output, Buffer.from(shapeOutput(tensor))),
      delimited(NODE.op, Buffer.from('Shape')),
    ];
    return delimited(GRAPH_FIELDS.node, Buffer.concat(node));
  });
  const outputs = tensors.map((tensor) =>
    delimited(GRAPH_FIELDS.output, delimited(VALUE_NAME, Buffer.from(shapeOutput(tensor)))),
  );
  const kept = graph.parts.filter(({ field }) => field !== GRAPH_FIELDS.output);
  return withGraph(bytes, graph, kept, [...added, ...outputs]);
}

/** The output of {@link withShapes} with a tensor's shape. */
export function shapeOutput(tensor: string): string {
  return `permafrost:shape:${tensor}`;
}

/** A model with these parts of its graph, and others. */
function withGraph(
  bytes: Buffer,
  { around }: ModelGraph,
  kept: readonly GraphPart[],
  added: readonly Buffer[],
): Buffer {
  const slices = (ranges: readonly Range[]) => ranges.map(({ start, end }) => bytes.subarray(start, end));
  const content = Buffer.concat([...slices(kept), ...added]);
  return Buffer.concat([...slices(around), delimited(GRAPH, content)]);
}

/** Names of all tensors that some are computed from, themselves included. */
function neededTensors({ producers }: ModelGraph, outputs: readonly string[]): Set<string> {
  const needed = new Set<string>();
  const open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const node = producers.get(name);
    if (node) open.push(...node.inputs, ...node.inside);
  }
  return needed;
}
