/** The graph of an ONNX model, as far as names, operations and declared shapes go. */
import { InputError } from '../../errors.ts';
import { type Damaged, fields, type Range, varints } from './wire.ts';

/** An operation of the graph. */
export interface ModelNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names that graphs inside it (branches, loop bodies) use; those of tensors outside are among them. */
  readonly inside: readonly string[];
}

export interface ModelGraph {
  /** In the file's order, which computes every tensor before it is used. */
  readonly nodes: readonly ModelNode[];
  /** Of each tensor that is computed, the node that does it. */
  readonly producers: ReadonlyMap<string, ModelNode>;
  /** Initializers with their shapes. */
  readonly weights: ReadonlyMap<string, readonly number[]>;
  /** Without initializers, which older models list as inputs, too. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Last axis of tensors whose declared shape says it. */
  readonly lastAxes: ReadonlyMap<string, number>;
  /** The graph's fields in the file's order, each with the name of the tensor it describes. */
  readonly parts: readonly GraphPart[];
  /** The model's fields around the graph. */
  readonly around: readonly Range[];
}

/** A field of the graph; bytes from `start` to `end`, its tag included. */
export interface GraphPart extends Range {
  readonly field: number;
  /** Of the tensor that it describes, if it does. */
  readonly name: string | undefined;
  readonly node: ModelNode | undefined;
  /** Its bytes without tag and length. */
  readonly content: Range;
}

/** Fields of ModelProto and GraphProto in onnx.proto3. */
export const GRAPH = 7;
export const GRAPH_FIELDS = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  annotation: 14,
} as const;

/** The field with the name, of the messages in the graph's fields: TensorProto, ValueInfoProto and TensorAnnotation. */
const NAME_FIELDS: Readonly<Record<number, number>> = {
  [GRAPH_FIELDS.initializer]: 8,
  [GRAPH_FIELDS.input]: 1,
  [GRAPH_FIELDS.output]: 1,
  [GRAPH_FIELDS.valueInfo]: 1,
  [GRAPH_FIELDS.annotation]: 1,
};

/** Of NodeProto. */
export const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5 } as const;
/** Fields of AttributeProto with graphs. */
const ATTRIBUTE_GRAPHS = [6, 11];
const TENSOR_DIMS = 1;
/** From ValueInfoProto to the dimensions of its type: TypeProto, its tensor, TensorShapeProto, Dimension. */
const SHAPE_PATH = [2, 1, 2, 1];
const DIMENSION_VALUE = 1;

/** Reads messages of a model that inspectModel has checked. */
interface Reader {
  bytes: Buffer;
  damaged: Damaged;
}

/** @throws InputError naming the file, where its messages are damaged */
export function readGraph(bytes: Buffer, path: string): ModelGraph {
  const reader: Reader = {
    bytes,
    damaged: (fault) => new InputError(`Expected an ONNX model in ${path} but it is damaged: ${fault}`),
  };
  const around: Range[] = [];
  const parts: GraphPart[] = [];
  for (const { number, start, value, end } of fields(bytes, 0, bytes.length, reader.damaged)) {
    if (number === GRAPH && typeof value !== 'bigint') parts.push(...graphParts(reader, value));
    else around.push({ start, end });
  }
  const nodes = parts.flatMap(({ node }) => node ?? []);
  const named = (...wanted: number[]) =>
    parts.flatMap((part) =>
      wanted.includes(part.field) && part.name !== undefined ? [{ ...part, name: part.name }] : [],
    );
  const weights = new Map(
    named(GRAPH_FIELDS.initializer).map(({ name, content }) => [name, tensorShape(reader, content)]),
  );
  return {
    nodes,
    producers: new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const))),
    weights,
    inputs: named(GRAPH_FIELDS.input).flatMap(({ name }) => (weights.has(name) ? [] : [name])),
    outputs: named(GRAPH_FIELDS.output).map(({ name }) => name),
    lastAxes: new Map(
      named(GRAPH_FIELDS.output, GRAPH_FIELDS.valueInfo).flatMap(({ name, content }) => {
        const last = lastAxis(reader, content);
        return last === undefined ? [] : [[name, last] as const];
      }),
    ),
    parts,
    around,
  };
}

function graphParts(reader: Reader, graph: Range): GraphPart[] {
  const { bytes, damaged } = reader;
  return [...fields(bytes, graph.start, graph.end, damaged)].map(({ number, start, value, end }) => {
    const content = typeof value === 'bigint' ? { start: end, end } : value;
    const nameField = NAME_FIELDS[number];
    return {
      field: number,
      start,
      end,
      content,
      name: nameField === undefined ? undefined : texts(reader, content, nameField)[0],
      node: number === GRAPH_FIELDS.node ? readNode(reader, content) : undefined,
    };
  });
}

function readNode(reader: Reader, range: Range): ModelNode {
  const nested = messages(reader, range, NODE.attribute).flatMap((attribute) =>
    ATTRIBUTE_GRAPHS.flatMap((field) => messages(reader, attribute, field)),
  );
  return {
    name: texts(reader, range, NODE.name)[0] ?? '',
    op: texts(reader, range, NODE.op)[0] ?? '',
    inputs: texts(reader, range, NODE.input),
    outputs: texts(reader, range, NODE.output).filter((name) => name !== ''),
    inside: nested.flatMap((graph) => namesInside(reader, graph)),
  };
}

function namesInside(reader: Reader, graph: Range): string[] {
  const nodes = messages(reader, graph, GRAPH_FIELDS.node).map((node) => readNode(reader, node));
  const outputs = messages(reader, graph, GRAPH_FIELDS.output).flatMap((output) => texts(reader, output, 1));
  return [...nodes.flatMap(({ inputs, inside }) => [...inputs, ...inside]), ...outputs];
}

function messages({ bytes, damaged }: Reader, { start, end }: Range, wanted: number): Range[] {
  return [...fields(bytes, start, end, damaged)].flatMap(({ number, value }) =>
    number === wanted && typeof value !== 'bigint' ? [value] : [],
  );
}

function texts(reader: Reader, range: Range, field: number): string[] {
  return messages(reader, range, field).map(({ start, end }) => reader.bytes.toString('utf8', start, end));
}

function tensorShape({ bytes, damaged }: Reader, { start, end }: Range): number[] {
  return [...fields(bytes, start, end, damaged)].flatMap(({ number, value }) => {
    if (number !== TENSOR_DIMS) return [];
    const sizes = typeof value === 'bigint' ? [value] : varints(bytes, value.start, value.end, damaged);
    return sizes.map(Number);
  });
}

function lastAxis(reader: Reader, valueInfo: Range): number | undefined {
  let found = [valueInfo];
  for (const field of SHAPE_PATH) found = found.flatMap((range) => messages(reader, range, field));
  const last = found.at(-1);
  if (!last) return undefined;
  for (const { number, value } of fields(reader.bytes, last.start, last.end, reader.damaged))
    if (number === DIMENSION_VALUE && typeof value === 'bigint') return Number(value);
  return undefined;
}
