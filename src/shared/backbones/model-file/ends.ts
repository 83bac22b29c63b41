/** What an ONNX model's outputs come from: probabilities and labels are no features. */
import { InputError } from '../../errors.ts';
import { fields } from './wire.ts';

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The graph of a model, as far as its tensors' names go. */
export interface ModelNodes {
  /** Of each tensor that is computed, the node that does it. */
  readonly producers: ReadonlyMap<string, Node>;
  readonly outputs: ReadonlySet<string>;
}

/** Operations that turn the output of a classifier into probabilities or labels; the second row is of ai.onnx.ml. */
const PREDICTING_OPERATIONS = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Hardmax',
  'ArgMax',
  'ArgMin',
  'TopK',
  'ZipMap',
  'LinearClassifier',
  'SVMClassifier',
  'TreeEnsembleClassifier',
  'LabelEncoder',
]);

/** Operations that pass numbers on, in another shape, type or scale. */
const PASSING = new Set([
  'Identity',
  'Cast',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Dropout',
  'Normalizer',
]);

const CLASSIFIERS = new Set([
  'Gemm',
  'MatMul',
  'Conv',
  'LinearClassifier',
  'SVMClassifier',
  'TreeEnsembleClassifier',
]);

/** How far back an output is followed. */
const MAX_STEPS = 32;

/** Fields of ModelProto, GraphProto, ValueInfoProto and NodeProto. */
const GRAPH = 7;
const NODE = 1;
const OUTPUT = 12;
const VALUE_NAME = 1;
const NODE_FIELDS = { input: 1, output: 2, op: 4 } as const;

/** Reads the names in a model that inspectModel has checked. */
export function modelNodes(bytes: Buffer, path: string): ModelNodes {
  const damaged = (fault: string) =>
    new InputError(`Expected an ONNX model in ${path} but it is damaged: ${fault}`);
  const inside = (start: number, end: number, wanted: number) =>
    [...fields(bytes, start, end, damaged)].flatMap(({ number, value }) =>
      number === wanted && typeof value !== 'bigint' ? [value] : [],
    );
  const producers = new Map<string, Node>();
  const texts = (start: number, end: number, field: number) =>
    inside(start, end, field).map((range) => bytes.toString('utf8', range.start, range.end));
  const graphs = inside(0, bytes.length, GRAPH);
  for (const graph of graphs) {
    for (const { start, end } of inside(graph.start, graph.end, NODE)) {
      const node = {
        op: texts(start, end, NODE_FIELDS.op)[0] ?? '',
        inputs: texts(start, end, NODE_FIELDS.input),
        outputs: texts(start, end, NODE_FIELDS.output),
      };
      for (const output of node.outputs) producers.set(output, node);
    }
  }
  const outputs = graphs.flatMap((graph) =>
    inside(graph.start, graph.end, OUTPUT).flatMap(({ start, end }) => texts(start, end, VALUE_NAME)),
  );
  return { producers, outputs: new Set(outputs) };
}

/** The operation that makes an output probabilities or labels, if one does. */
export function predictingOperation(output: string, { producers }: ModelNodes): string | undefined {
  let node = producers.get(output);
  for (let step = 0; node && step < MAX_STEPS; step++) {
    if (PREDICTING_OPERATIONS.has(node.op)) return node.op;
    if (!PASSING.has(node.op)) return undefined;
    node = producers.get(node.inputs[0]);
  }
  return undefined;
}

/** What a classifier in front of an output is fed: features. */
function classifierInput(output: string, { producers }: ModelNodes): string | undefined {
  let node = producers.get(output);
  for (let step = 0; node && step < MAX_STEPS; step++) {
    if (CLASSIFIERS.has(node.op)) return producers.has(node.inputs[0]) ? node.inputs[0] : undefined;
    // Of a sum with a bias, the summand that is computed.
    node = node.inputs.map((input) => producers.get(input)).find((producer) => producer !== undefined);
  }
  return undefined;
}

/** The error for an output of probabilities or labels, with a tensor that can be had in its place. */
export function noFeatures(path: string, output: string, why: string, nodes: ModelNodes): InputError {
  const features = classifierInput(output, nodes);
  const way = features
    ? `pass --layer ${JSON.stringify(features)}, which its classifier is fed`
    : 'export the model without its classifier';
  return new InputError(`Expected features for ${output} of ${path} but it ${why}: ${way}`);
}

/** Whether each row is a distribution: numbers from 0 to 1 that sum to 1, or their logarithms. */
export function areProbabilities(rows: Float32Array, dimension: number): boolean {
  if (dimension < 2 || rows.length === 0) return false;
  for (let start = 0; start < rows.length; start += dimension) {
    const row = rows.subarray(start, start + dimension);
    const sum = row.reduce((total, value) => total + value, 0);
    if (!row.every((value) => value >= 0 && value <= 1) || Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

/**
 * A model with more of its tensors as outputs: protobuf merges a second graph that names only these into the first.
 */
export function withOutputs(bytes: Buffer, names: readonly string[]): Buffer {
  const outputs = names.map((name) => delimited(OUTPUT, delimited(VALUE_NAME, Buffer.from(name))));
  return Buffer.concat([bytes, delimited(GRAPH, Buffer.concat(outputs))]);
}

function delimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
