/** Where a network can be cut in two: a frozen front, whose activations are kept, and a tail that is trained. */
import { expectedMessage, UsageError, usage } from '../../errors.ts';
import { graph } from '../../graph/build.ts';
import { elementCount, type Shape, type Value } from '../../graph/value.ts';
import { didYouMean } from '../../suggest.ts';
import type { LayerWeights } from '../../weights/source.ts';
import type { LayerNode } from '../keras-order.ts';
import type { BackboneShape } from '../load.ts';

export interface Cut {
  /** The layer whose output is kept: the only one before the cut that is read behind it. */
  readonly layer: string;
  /** What is kept of each image: height, width and channels. */
  readonly shape: Shape;
  /** Whether only every second row and column is kept, since nothing else is read. */
  readonly isHalved: boolean;
  /** The layers with weights behind the cut, in Keras's order. */
  readonly trained: readonly LayerWeights[];
}

/** The last block of a network, or where blocks have no names the last piece with a convolution larger than 1x1. */
const LAST_BLOCK = 'last-block';

/** `conv5_block3` of `conv5_block3_2_conv`, `block7a` of `block7a_dwconv`, `block_16`, `expanded_conv_10`. */
const BLOCK = /^(.*?(?:block_?\d+[a-z]?|expanded_conv(?:_\d+)?))_/;

/**
 * The cut in front of a layer.
 * @param from the first layer that is trained, by its Keras name; the name of a block: what its layers' names begin with; or
 *   `last-block`
 * @throws UsageError for a name that the network does not have, and for a layer that cannot be the first: where other paths
 *   lead past it, where nothing would be frozen or nothing trained
 */
export function findCut(network: Network, from: string): Cut {
  const { nodes, definition } = network;
  const first = firstLayer(network, from);
  if (first === undefined) {
    const known = [...nodes.map(({ layer }) => layer), ...blocksOf(nodes), LAST_BLOCK];
    const near = didYouMean(from, known) || ` (permafrost backbones ${definition.name} lists them)`;
    throw new UsageError(
      `${expectedMessage(`a layer or block of ${definition.name}`, '--from', from)}${near}`,
    );
  }
  if (!nodes.slice(first).some(hasWeights))
    throw usage('a layer with weights at or behind it', '--from', from);
  if (!nodes.slice(0, first).some(hasWeights)) throw usage('a layer with weights before it', '--from', from);
  const cut = cutBefore(network, first);
  if (!cut) throw insideBlock(network, first, from);
  return cut;
}

type Network = Pick<BackboneShape, 'nodes' | 'outputs' | 'map' | 'definition'>;

const hasWeights = ({ weights }: LayerNode): boolean => weights.length > 0;

function firstLayer(network: Network, from: string): number | undefined {
  const { nodes } = network;
  if (from === LAST_BLOCK) return lastBlock(network);
  const named = nodes.findIndex(({ layer }) => layer === from);
  const first = named >= 0 ? named : nodes.findIndex(({ layer }) => layer.startsWith(`${from}_`));
  return first < 0 ? undefined : first;
}

function blocksOf(nodes: readonly LayerNode[]): Set<string> {
  return new Set(nodes.flatMap(({ layer }) => BLOCK.exec(layer)?.[1] ?? []));
}

function lastBlock(network: Network): number | undefined {
  const { nodes } = network;
  const convolution = nodes.findLastIndex(isLargerThan1x1);
  const block = BLOCK.exec(nodes[convolution].layer)?.[1];
  const start = block === undefined ? -1 : nodes.findIndex(({ layer }) => layer.startsWith(`${block}_`));
  if (start >= 0 && cutBefore(network, start)) return start;
  const before = cuttable(network).filter((index) => index <= convolution);
  return before.at(-1);
}

function isLargerThan1x1({ weights }: LayerNode): boolean {
  return weights.some(({ shape }) => shape.length === 4 && shape[0] * shape[1] > 1);
}

/** The layers with weights that can be the first to be trained. */
function cuttable(network: Network): number[] {
  const { nodes } = network;
  const weighted = nodes.flatMap((node, index) => (hasWeights(node) ? [index] : []));
  return weighted.slice(1).filter((index) => cutBefore(network, index));
}

/**
 * The cut that trains the layers from `first` on: layers without weights may lie on either side, so that of the places between
 * the last frozen and the first trained weights the one is taken where least is kept, and of equals the last.
 */
function cutBefore(network: Network, first: number): Cut | undefined {
  const { nodes } = network;
  const lastFrozen = nodes.findLastIndex((node, index) => index < first && hasWeights(node));
  const firstTrained = nodes.findIndex((node, index) => index >= first && hasWeights(node));
  let best: Cut | undefined;
  for (let place = lastFrozen + 1; place <= firstTrained; place++) {
    const cut = cutAt(network, place);
    if (cut && !(best && elementCount(best.shape) < elementCount(cut.shape))) best = cut;
  }
  return best;
}

/** The cut between two layers of the list, if one activation is all that passes. */
function cutAt({ nodes, outputs, map }: Network, place: number): Cut | undefined {
  const behind = nodes.slice(place);
  const read = new Set(behind.flatMap(({ inputs }) => inputs.map(({ layer }) => layer)));
  const crossing = nodes.slice(0, place).filter(({ layer }) => read.has(layer) || outputs.get(layer) === map);
  if (crossing.length !== 1) return undefined;
  const [{ layer }] = crossing;
  const value = outputs.get(layer)!;
  const readers = readersBehind(map, value);
  if (!readers) return undefined;
  const isHalved = readers.length > 0 && readers.every(skipsEverySecond);
  const [, height, width, channels] = value.shape;
  const shape = isHalved
    ? [Math.ceil(height / 2), Math.ceil(width / 2), channels]
    : [height, width, channels];
  const trained = behind.filter(hasWeights).map(({ layer, kind, weights }) => ({ layer, kind, weights }));
  return { layer, shape, isHalved, trained };
}

/** What reads `value` on the way to `map`; nothing where a path leads past it. */
function readersBehind(map: Value, value: Value): Value[] | undefined {
  const needed = behindCut([map], value);
  return needed?.filter(({ inputs }) => inputs.includes(value));
}

/** What `results` are computed from behind `cut`, inputs before users; nothing where a path leads past it. */
export function behindCut(results: readonly Value[], cut: Value): Value[] | undefined {
  const needed = new Set<Value>();
  const pending = [...results];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (value === cut || needed.has(value)) continue;
    if (value.op === 'input') return undefined;
    needed.add(value);
    pending.push(...value.inputs);
  }
  const { values } = graph(Object.fromEntries(results.map((value, index) => [`${index}`, value])));
  return values.filter((value) => needed.has(value));
}

function skipsEverySecond(value: Value): boolean {
  if (!isConvolution(value)) return false;
  const { strides, padding } = value.attributes;
  const [rows, columns] = value.inputs[1].shape;
  return (
    rows * columns === 1 && strides[0] === 2 && strides[1] === 2 && padding.every((zeros) => zeros === 0)
  );
}

export function isConvolution(value: Value): value is Value<'conv2d'> {
  return value.op === 'conv2d';
}

function insideBlock(network: Network, first: number, from: string): UsageError {
  const { nodes, definition } = network;
  const works = cuttable(network);
  const near = [works.findLast((index) => index < first), works.find((index) => index > first)];
  const names = near.flatMap((index) => (index === undefined ? [] : [nodes[index].layer]));
  const expected = `a layer of ${definition.name} that no path leads past`;
  return new UsageError(`${expectedMessage(expected, '--from', from)} (nearest: ${names.join(' and ')})`);
}
