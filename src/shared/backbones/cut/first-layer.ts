/** The layer that `--from` means. */
import { expectedMessage, UsageError, usage } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { kerasListing } from '../keras-listing.ts';
import type { LayerNode } from '../keras-order.ts';
import type { BackboneShape } from '../load.ts';

/** The last block of a network, by whatever name. */
export const LAST_BLOCK = 'last-block';

/** `conv5_block3` of `conv5_block3_2_conv`, `block7a` of `block7a_dwconv`, `block_16`, `expanded_conv_10`. */
const BLOCK = /^(.*?(?:block_?\d+[a-z]?|expanded_conv(?:_\d+)?))_/;

/** The name of the block that a layer belongs to, where layers are named after blocks. */
export function blockOf(layer: string): string | undefined {
  return BLOCK.exec(layer)?.[1];
}

type Network = Pick<BackboneShape, 'nodes' | 'definition'>;

/**
 * The index of the node that a name or a number of Keras's list stands for; of a layer that has no node, of the next.
 * @throws UsageError for a name that the network does not have, with near ones, and a number out of range
 */
export function namedLayer({ nodes, definition }: Network, from: string): number {
  const listed = kerasListing(nodes, definition.listing);
  if (/^-?\d+$/.test(from)) {
    const layer = listed.at(Number(from));
    if (layer && Number(from) < listed.length) return layer.node;
    const range = `${-listed.length} to ${listed.length - 1}`;
    throw usage(`the number of a layer of ${definition.name}, ${range},`, '--from', from);
  }
  const named = nodes.findIndex(({ layer }) => layer === from);
  if (named >= 0) return named;
  const withoutNode = listed.find(({ name }) => name === from);
  if (withoutNode) return withoutNode.node;
  const first = nodes.findIndex(({ layer }) => layer.startsWith(`${from}_`));
  if (first >= 0) return first;
  const known = [...nodes.map(({ layer }) => layer), ...blocksOf(nodes), LAST_BLOCK];
  const near = didYouMean(from, known) || ` (permafrost backbones ${definition.name} lists them)`;
  throw new UsageError(`${expectedMessage(`a layer or block of ${definition.name}`, '--from', from)}${near}`);
}

function blocksOf(nodes: readonly LayerNode[]): Set<string> {
  return new Set(nodes.flatMap(({ layer }) => blockOf(layer) ?? []));
}
