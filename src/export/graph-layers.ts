/** A backbone's graph as layers of Keras or TensorFlow.js. */
import { countUsers } from '../shared/graph/fold.ts';
import { elementCount, type Graph, type OperationName, type Value } from '../shared/graph/value.ts';
import type { Tensor } from '../shared/weights/safetensors.ts';
import { type BatchNorm, batchNorms } from './batch-norms.ts';
import type { Dialect, ModelLayer } from './head-layers.ts';
import { type Emission, operationLayer } from './operation-layers.ts';

/** Layers of one model, under names that are used once. */
export interface LayerList {
  layers: readonly ModelLayer[];
  /**
   * Adds a layer.
   * @param wished its name, unless another has it
   * @param isTrained whether training the model changes it; default: it is frozen
   * @returns its name
   */
  add(layer: Omit<ModelLayer, 'name'>, wished: string, isTrained?: boolean): string;
}

/** @param taken names that other layers of the model have */
export function createLayerList(taken: Iterable<string>): LayerList {
  const used = new Set(taken);
  const layers: ModelLayer[] = [];
  return {
    layers,
    add(layer, wished, isTrained = false) {
      let name = wished;
      for (let count = 1; used.has(name); count++) name = `${wished}_${count}`;
      used.add(name);
      layers.push({ ...layer, name, config: { ...layer.config, trainable: isTrained } });
      return name;
    },
  };
}

/** What a graph's layers are made for, and with. */
export interface GraphLayersOptions {
  dialect: Dialect;
  /** The layer that gives the pixels, 0 to 255. */
  pixels: string;
  /** What the names of all layers begin with. */
  prefix?: string;
  /** Whether training the model changes a layer of the network; default: none. */
  isTrained?(layer: string): boolean;
  /** Of its batch-norms. */
  momentum?: number;
}

/**
 * Adds the layers that compute a graph.
 * @returns the layers of the graph's outputs, in order
 * @throws UsageError for a graph that the dialect's layers cannot express
 */
export function addGraphLayers(list: LayerList, graph: Graph, options: GraphLayersOptions): string[] {
  const { dialect, pixels, prefix = '', isTrained, momentum = 0.99 } = options;
  const users = countUsers(graph);
  const { norms, inner } = batchNorms(graph);
  const isChained = (value: Value): boolean => affineStep(value) !== undefined && users.get(value) === 1;
  const chained = new Set(graph.values.flatMap((value) => affineStep(value)?.x ?? []).filter(isChained));
  const names = new Map<Value, string>();
  const from = (value: Value): string => {
    const name = names.get(value);
    if (name === undefined) throw new Error(`No layer gives a value of the operation ${value.op}`);
    return name;
  };
  for (const value of graph.values) {
    if (value.op === 'constant' || chained.has(value) || inner.has(value)) continue;
    if (value.op === 'input') {
      names.set(value, pixels);
      continue;
    }
    const norm = norms.get(value);
    const layer = norm?.layer ?? layerOf(value);
    const emission: Emission = {
      from,
      add(kind, inputs, config = {}, weights = []) {
        const isOwn = layer !== undefined && weights.length > 0 && !affineStep(value);
        const wished = layer ?? kind.toLowerCase();
        return list.add({ kind, config, inputs, weights }, `${prefix}${wished}`, isOwn && isTrained?.(layer));
      },
    };
    names.set(
      value,
      norm ? addBatchNorm(norm, momentum, emission) : emitted(value, chained, dialect, emission),
    );
  }
  return [...graph.outputs.values()].map(from);
}

/** The layer of the network whose weights a value takes. */
function layerOf({ inputs }: Value): string | undefined {
  const name = inputs.find((input) => input.op === 'constant' && input.name?.includes('/'))?.name;
  return name?.slice(0, name.lastIndexOf('/'));
}

function emitted(value: Value, chained: ReadonlySet<Value>, dialect: Dialect, emission: Emission): string {
  if (affineStep(value)) return addAffine(value, chained, emission);
  return operationLayer(value, dialect, emission);
}

function addBatchNorm({ x, epsilon, weights }: BatchNorm, momentum: number, { from, add }: Emission): string {
  const hasScale = weights.length === 4;
  const config = { axis: -1, epsilon, momentum, center: true, scale: hasScale };
  return add('BatchNormalization', [from(x)], config, weights);
}

/** One number for each channel, or one for all. */
type Numbers = readonly number[];

/** A sum, difference, product or quotient with a constant for each channel. */
function affineStep({ op, inputs, shape }: Value): { x: Value; by: Numbers } | undefined {
  if (op !== 'add' && op !== 'sub' && op !== 'mul' && op !== 'div') return undefined;
  const index = inputs.findIndex((input) => input.op === 'constant');
  if (index < 0 || (index === 0 && (op === 'sub' || op === 'div'))) return undefined;
  const constant = inputs[index] as Value<'constant'>;
  const count = elementCount(constant.shape);
  if (count !== 1 && (count !== constant.shape.at(-1) || count !== shape.at(-1))) return undefined;
  return { x: inputs[1 - index], by: [...constant.attributes.data] };
}

function combined(a: Numbers, b: Numbers, combine: (a: number, b: number) => number): Numbers {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => combine(a[i % a.length], b[i % b.length]));
}

/** A chain of such steps as one layer: x * scale + shift. */
function addAffine(last: Value, chained: ReadonlySet<Value>, { from, add }: Emission): string {
  const steps: { op: OperationName; by: Numbers }[] = [];
  let x = last;
  for (let step = affineStep(x); step && (x === last || chained.has(x)); step = affineStep(x)) {
    steps.unshift({ op: x.op, by: step.by });
    x = step.x;
  }
  let scale: Numbers = [1];
  let shift: Numbers = [0];
  for (const { op, by } of steps) {
    if (op === 'add') shift = combined(shift, by, (a, b) => a + b);
    else if (op === 'sub') shift = combined(shift, by, (a, b) => a - b);
    else {
      const times = (a: number, b: number) => (op === 'mul' ? a * b : a / b);
      scale = combined(scale, by, times);
      shift = combined(shift, by, times);
    }
  }
  if (scale.length === 1 && shift.length === 1)
    return add('Rescaling', [from(x)], { scale: scale[0], offset: shift[0] });
  const channels = x.shape.at(-1)!;
  const vector = (numbers: Numbers): Tensor => ({
    shape: [channels],
    data: Float32Array.from({ length: channels }, (_, i) => numbers[i % numbers.length]),
  });
  // With mean 0, variance 1 and no epsilon, which keeps the numbers among the weights.
  return add('BatchNormalization', [from(x)], { axis: -1, epsilon: 0, momentum: 0.99 }, [
    ['gamma', vector(scale)],
    ['beta', vector(shift)],
    ['moving_mean', vector([0])],
    ['moving_variance', vector([1])],
  ]);
}
