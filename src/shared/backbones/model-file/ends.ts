/** What an ONNX model's outputs come from: probabilities, labels and class scores are no features. */
import { InputError } from '../../errors.ts';
import type { ModelGraph, ModelNode } from './graph.ts';

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

/** Operations that change the type of numbers, and back. */
const QUANTIZING = ['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear'];

/** Operations that pass numbers on, in another shape, type or scale. */
const PASSING = new Set([
  ...QUANTIZING,
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
  'MatMulInteger',
  'QGemm',
  'QLinearMatMul',
  'Conv',
  'ConvInteger',
  'QLinearConv',
  'LinearClassifier',
  'SVMClassifier',
  'TreeEnsembleClassifier',
]);

/** Operations whose result is the same for every image. */
const CONSTANTS = new Set(['Constant', 'DequantizeLinear', 'Identity']);

/** Numbers of classes of public label sets: ImageNet-1k (and TensorFlow's with a background), its larger ones, Places365. */
const CLASS_COUNTS: ReadonlySet<number | undefined> = new Set([
  365, 1000, 1001, 10450, 11221, 11821, 19167, 21841, 21843,
]);
const NAME_OF_CLASSES = /logit|prob|class|score|predict|softmax/i;
const NAME_OF_FEATURES = /embed|feature|pool|hidden|token|represent|descriptor|latent|vector/i;
/** Embeddings are at least so wide, in steps of so many numbers. */
const EMBEDDING = { min: 128, step: 64 } as const;

/** How far back an output is followed. */
const MAX_STEPS = 32;

/** The operation that makes an output probabilities or labels, if one does. */
export function predictingOperation(output: string, { producers }: ModelGraph): string | undefined {
  let node = producers.get(output);
  for (let step = 0; node && step < MAX_STEPS; step++) {
    if (PREDICTING_OPERATIONS.has(node.op)) return node.op;
    if (!PASSING.has(node.op)) return undefined;
    node = producers.get(node.inputs[0]);
  }
  return undefined;
}

/** What a classifier in front of an output is fed: features. */
export function classifierInput(output: string, { producers }: ModelGraph): string | undefined {
  const producerOf = (name: string): ModelNode | undefined => producers.get(name);
  let node = producerOf(output);
  for (let step = 0; node && step < MAX_STEPS; step++) {
    if (CLASSIFIERS.has(node.op)) return beforeQuantizing(node.inputs[0], producers);
    // Of a sum with a bias, the summand that is computed.
    node = node.inputs
      .map(producerOf)
      .find((producer) => producer !== undefined && producer.op !== 'Constant');
  }
  return undefined;
}

/** The float32 numbers that a quantized operation is fed. */
function beforeQuantizing(tensor: string, producers: ModelGraph['producers']): string | undefined {
  let name = tensor;
  for (let node = producers.get(name); node; node = producers.get(name)) {
    if (!QUANTIZING.includes(node.op)) return name;
    name = node.inputs[0];
  }
  return undefined;
}

/**
 * Whether an output has a number for each of some classes.
 * @param labels how many classes the model's configuration lists
 */
export function isClassOutput(output: string, graph: ModelGraph, labels: number | undefined): boolean {
  const count = outputWidth(output, graph);
  if (predictingOperation(output, graph)) return true;
  if (NAME_OF_FEATURES.test(output)) return false;
  if (areClasses(count, labels) || NAME_OF_CLASSES.test(output)) return isVector(output, graph);
  const isEmbedding = count === undefined || (count >= EMBEDDING.min && count % EMBEDDING.step === 0);
  return !isEmbedding && isBiasedProduct(output, graph);
}

/** Whether so many numbers are those of a public label set, or of the labels that a configuration lists. */
export function areClasses(count: number | undefined, labels: number | undefined): boolean {
  return CLASS_COUNTS.has(count) || (count !== undefined && count === labels);
}

function isVector(output: string, graph: ModelGraph): boolean {
  return classifierInput(output, graph) !== undefined;
}

/** The size of an output's last axis: as declared, else by the weights of the product it comes from. */
function outputWidth(output: string, graph: ModelGraph): number | undefined {
  const declared = graph.lastAxes.get(output);
  if (declared !== undefined) return declared;
  const node = lastOperation(output, graph);
  const bias = node?.op === 'Gemm' ? node.inputs[2] : node?.inputs.find((name) => graph.weights.has(name));
  return graph.weights.get(bias ?? '')?.at(-1);
}

function lastOperation(output: string, { producers }: ModelGraph): ModelNode | undefined {
  let node = producers.get(output);
  for (let step = 0; node && PASSING.has(node.op) && step < MAX_STEPS; step++)
    node = producers.get(node.inputs[0]);
  return node;
}

/** Whether an output is a matrix product with a bias and nothing behind it: projections of embeddings mostly have no bias. */
function isBiasedProduct(output: string, graph: ModelGraph): boolean {
  const node = lastOperation(output, graph);
  if (node?.op === 'Gemm') return node.inputs.length > 2;
  if (node?.op !== 'Add') return false;
  const sources = node.inputs.map((name) => graph.producers.get(name));
  const product = sources.findIndex((source) => source !== undefined && CLASSIFIERS.has(source.op));
  const bias = sources[1 - product];
  return product >= 0 && (bias === undefined || CONSTANTS.has(bias.op));
}

/** The error for an output of probabilities, labels or classes, with a tensor that can be had in its place. */
export function noFeatures(path: string, output: string, why: string, graph: ModelGraph): InputError {
  const features = classifierInput(output, graph);
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
