/** Which tensor of an ONNX model a column of features comes from: `--layer`, or what suits the pooling. */
import { type InputError, type UsageError, usage } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import type { PoolingName } from '../pooling.ts';
import type { ModelConfig } from './config.ts';
import { areClasses, classifierInput, isClassOutput, noFeatures, predictingOperation } from './ends.ts';
import type { ModelGraph } from './graph.ts';

/** A model whose tensors are chosen from. */
export interface ModelTensors {
  readonly graph: ModelGraph;
  readonly path: string;
  readonly config: ModelConfig | undefined;
}

/** A tensor, and what a user should know about how it was found. */
export interface ChosenTensor {
  readonly tensor: string;
  readonly said: string | undefined;
}

/** Operations whose outputs behind the first are masks and statistics. */
const SIDE_OUTPUTS = new Set([
  'Dropout',
  'BatchNormalization',
  'LayerNormalization',
  'MaxPool',
  'InstanceNormalization',
]);
/** Operations that tell of a tensor's shape alone. */
const SHAPES = new Set(['Shape', 'Size']);
/** Operations whose outputs are no tensors. */
const NO_TENSORS = /^(ZipMap|Sequence|SplitToSequence|Optional)/;

/** Names that exporters of transformers give to outputs, the wanted ones of each pooling first. */
const TOKENS = ['last_hidden_state'];
const OUTPUTS_OF: Readonly<Partial<Record<PoolingName, readonly string[]>>> = {
  pooler: ['image_embeds', 'pooler_output'],
};

/**
 * The tensors that are computed from an image's pixels, in the order in which the file computes them: what
 * `permafrost backbones FILE --layers` lists, and `--layer -2` counts from the end of.
 */
export function imageTensors({ nodes, inputs }: ModelGraph): string[] {
  const found = new Set(inputs);
  const tensors: string[] = [];
  for (const { op, inputs: from, inside, outputs } of nodes) {
    if (SHAPES.has(op) || NO_TENSORS.test(op) || ![...from, ...inside].some((name) => found.has(name)))
      continue;
    for (const output of outputs) found.add(output);
    tensors.push(...(SIDE_OUTPUTS.has(op) ? outputs.slice(0, 1) : outputs));
  }
  return tensors;
}

/**
 * The tensor that a column is pooled from.
 * @param layer a tensor's or a node's name, or a number from the end; undefined: the output that suits the pooling, of a
 *   classifier what its last layer is fed
 * @throws UsageError where there is no such tensor, InputError for probabilities, labels or classes
 */
export function chosenTensor(
  model: ModelTensors,
  { layer, pooling }: { layer: string | undefined; pooling: PoolingName },
): ChosenTensor {
  const { graph, path, config } = model;
  if (layer === undefined) return featureOutput(model, pooling);
  const tensor = layerTensor(model, layer);
  const operation = predictingOperation(tensor, graph);
  if (operation) throw noFeatures(path, tensor, `ends in ${operation}`, graph);
  if (graph.outputs.includes(tensor) && isClassOutput(tensor, graph, config?.labels))
    throw noFeatures(path, tensor, 'has a score for each class', graph);
  return { tensor, said: tensor === layer ? undefined : `layer ${layer} of ${path} is ${tensor}` };
}

/** The error for class scores that only a run shows, by their number. */
export function classScores(
  { graph, path, config }: ModelTensors,
  tensor: string,
  count: number,
): InputError | undefined {
  if (!areClasses(count, config?.labels) || !classifierInput(tensor, graph)) return undefined;
  return noFeatures(path, tensor, `has a score for each of ${count} classes`, graph);
}

function layerTensor({ graph, path }: ModelTensors, layer: string): string {
  if (graph.producers.has(layer)) return layer;
  if (/^-[1-9]\d{0,8}$/.test(layer)) {
    const tensors = imageTensors(graph);
    const tensor = tensors.at(Number(layer));
    if (tensor === undefined) throw usage(`-1 to -${tensors.length} of ${path}`, '--layer', layer);
    return tensor;
  }
  const named = graph.nodes.find(({ name, outputs }) => name === layer && outputs.length > 0);
  if (named) return named.outputs[0];
  throw unknownTensor({ graph, path }, layer);
}

function unknownTensor(
  { graph, path }: Pick<ModelTensors, 'graph' | 'path'>,
  layer: string | undefined,
): UsageError {
  const outputs = graph.outputs.slice(0, 20).join(', ');
  const error = usage(`one of the outputs ${outputs} or another tensor of ${path}`, '--layer', layer);
  const near = layer === undefined ? '' : didYouMean(layer, [...graph.producers.keys()]);
  error.message += near || ` (permafrost backbones ${path} --layers lists them)`;
  return error;
}

function featureOutput(model: ModelTensors, pooling: PoolingName): ChosenTensor {
  const { graph, path, config } = model;
  const wanted = OUTPUTS_OF[pooling] ?? TOKENS;
  const named = wanted.find((name) => graph.outputs.includes(name));
  if (named !== undefined) return { tensor: named, said: undefined };
  if (OUTPUTS_OF[pooling])
    throw usage(
      `a pooling other than pooler (${path} has none of the outputs ${wanted.join(', ')})`,
      '--pooling',
      pooling,
    );
  const [output, ...others] = graph.outputs;
  if (output === undefined || others.length > 0) throw unknownTensor(model, undefined);
  if (!isClassOutput(output, graph, config?.labels)) return { tensor: output, said: undefined };
  const tensor = classifierInput(output, graph);
  if (tensor === undefined) throw noFeatures(path, output, 'has a score for each class', graph);
  return {
    tensor,
    said: `${output} of ${path} has a score for each class: features are ${tensor}, which its last layer is fed (--layer chooses another)`,
  };
}
