/** Where a network can be cut in two: a frozen front, whose activations are kept, and a tail that is trained. */
import { expectedMessage, UsageError, usage } from '../../errors.ts';
import { graph } from '../../graph/build.ts';
import { elementCount, type Shape, type Value } from '../../graph/value.ts';
import type { LayerWeights } from '../../weights/source.ts';
import type { LayerNode } from '../keras-order.ts';
import type { BackboneShape } from '../load.ts';
import { blockOf, LAST_BLOCK, namedLayer } from './first-layer.ts';

export interface Cut {
  /** The first layer that is trained; {@link findCut} gives this cut for it, however it was asked for. */
  readonly from: string;
  /** The layer whose output is kept: the only one before the cut that is read behind it. */
  readonly layer: string;
  /** What is kept of each image: height, width and channels. */
  readonly shape: Shape;
  /** Whether only every second row and column is kept, since nothing else is read. */
  readonly isHalved: boolean;
  /** The layers with weights behind the cut, in Keras's order. */
  readonly trained: readonly LayerWeights[];
}

/**
 * The cut in front of a layer.
 * @param from the first layer that is trained: its Keras name; its index in Keras's `model.layers`, from the end if negative; the
 *   name of a block: what its layers' names begin with; or `last-block`
 * @throws UsageError for a layer that the network does not have, and for one that cannot be the first: where other paths
 *   lead past it, where nothing would be frozen or nothing trained
 */
export function findCut(network: Network, from: string): Cut {
  const { nodes } = network;
  const first = from === LAST_BLOCK ? lastBlock(network) : namedLayer(network, from);
  if (!nodes.slice(first).some(hasWeights))
    throw usage('a layer with weights at or behind it', '--from', from);
  if (!nodes.slice(0, first).some(hasWeights)) throw usage('a layer with weights before it', '--from', from);
  const cut = cutBefore(network, first);
  if (!cut) throw insideBlock(network, first, from);
  return cut;
}

/** Every cut of a network that {@link findCut} gives, the deepest first: that which trains most. */
export function allCuts(network: Network): Cut[] {
  return Array.from(cutsByFirst(network).values());
}

export type Network = Pick<BackboneShape, 'nodes' | 'outputs' | 'map' | 'definition'>;

const hasWeights = ({ weights }: LayerNode): boolean => weights.length > 0;

/** Where the last block begins, or where blocks have no names the last piece with a convolution larger than 1x1. */
function lastBlock(network: Network): number {
  const { nodes } = network;
  const convolution = nodes.findLastIndex(isLargerThan1x1);
  const block = blockOf(nodes[convolution].layer);
  const start = block === undefined ? -1 : nodes.findIndex(({ layer }) => layer.startsWith(`${block}_`));
  if (start >= 0 && cutBefore(network, start)) return start;
  return Array.from(cutsByFirst(network).keys()).findLast((index) => index <= convolution) ?? 0;
}

function isLargerThan1x1({ weights }: LayerNode): boolean {
  return weights.some(({ shape }) => shape.length === 4 && shape[0] * shape[1] > 1);
}

/** The cuts by the index of the first layer that is trained, in Keras's order. */
function cutsByFirst(network: Network): Map<number, Cut> {
  const weighted = network.nodes.flatMap((node, index) => (hasWeights(node) ? [index] : []));
  const cuts = new Map<number, Cut>();
  for (const index of weighted.slice(1)) {
    const cut = cutBefore(network, index);
    if (cut) cuts.set(index, cut);
  }
  return cuts;
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
  return trained.length > 0 ? { from: trained[0].layer, layer, shape, isHalved, trained } : undefined;
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
  const works = [...cutsByFirst(network).keys()];
  const near = [works.findLast((index) => index < first), works.find((index) => index > first)];
  const names = near.flatMap((index) => (index === undefined ? [] : [nodes[index].layer]));
  const expected = `a layer of ${definition.name} that no path leads past`;
  const meant = nodes[first].layer === from ? '' : `first layer: ${nodes[first].layer}; `;
  return new UsageError(
    `${expectedMessage(expected, '--from', from)} (${meant}nearest: ${names.join(' and ')})`,
  );
}
