/** Collects ONNX nodes while a graph is translated, and keeps track of the layout in which each image lives. */
import { elementCount, type Shape, type Value } from '../../graph/value.ts';
import {
  ELEMENT_TYPE,
  type OnnxAttributes,
  type OnnxNode,
  type OnnxTensor,
  onnxAttributes,
} from './proto.ts';

/**
 * Graphs are NHWC; onnxruntime's convolutions and pools are NCHW. `plain` is the graph's own layout; `blocks` is onnxruntime's own,
 * of images whose channels are whole blocks: [batch, channels / block, rows, columns, block].
 */
export type Layout = 'plain' | 'nchw' | 'blocks';

/** The domain of onnxruntime's operations on images in blocks. They count them as [batch, channels, rows, columns]. */
const BLOCKS_DOMAIN = 'com.microsoft.nchwc';

/** Axis of an NHWC image at each axis of an NCHW image. */
const NCHW_FROM_NHWC = [0, 3, 1, 2];
const NHWC_FROM_NCHW = [0, 2, 3, 1];

/** The NCHW axis at which an axis of an NHWC image is found. */
export function nchwAxis(axis: number): number {
  return NCHW_FROM_NHWC.indexOf(axis);
}

export interface Emitter {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  /** Channels in a block; absent where no such layout is to be used. */
  readonly block: number | undefined;
  /** Adds a node with one output and returns the output's name. */
  node(type: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** Adds a node with several outputs and returns their names. */
  nodeOf(count: number, type: string, inputs: readonly string[], attributes?: OnnxAttributes): string[];
  /** Adds a node with one output that works on blocks of channels. */
  blockNode(type: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** Adds a list of whole numbers (axes, shapes) and returns its name. */
  integers(values: readonly number[]): string;
  /** Adds float numbers and returns their name. */
  floats(data: Float32Array, shape: Shape): string;
  /** Notes that `value` is available in `layout` under `name`. */
  define(value: Value, name: string, layout: Layout): void;
  /** The name of `value` in `layout`, adding a transposition if it only exists in the other. */
  use(value: Value, layout?: Layout): string;
  /** Whether `value` is an image that so far only exists as NCHW. */
  isNchw(value: Value): boolean;
  /** Whether `value` is an image that so far only exists in blocks. */
  isBlocked(value: Value): boolean;
  /** The name of what `make` adds for `value`, which is added once for each `purpose`. */
  derived(value: Value, purpose: string, make: () => string): string;
}

/** @param block channels in a block (blocks.ts), for models that run on this processor only */
export function createEmitter(block?: number): Emitter {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const names = new Map<Value, Map<Layout, string>>();
  const derivations = new Map<Value, Map<string, string>>();
  let count = 0;
  const initializer = (prefix: string, tensor: Omit<OnnxTensor, 'name'>): string => {
    const name = `${prefix}${count++}`;
    initializers.push({ name, ...tensor });
    return name;
  };

  const existsOnlyAs = (layout: Layout, value: Value): boolean => {
    const byLayout = names.get(value);
    return byLayout?.has(layout) === true && !byLayout.has('plain');
  };

  const emitter: Emitter = {
    nodes,
    initializers,
    block,
    node: (type, inputs, attributes) => emitter.nodeOf(1, type, inputs, attributes)[0],
    nodeOf(outputs, type, inputs, attributes = {}) {
      const output = Array.from({ length: outputs }, () => `v${count++}`);
      nodes.push({ op_type: type, input: [...inputs], output, attribute: onnxAttributes(attributes) });
      return output;
    },
    blockNode(type, inputs, attributes) {
      const output = emitter.node(type, inputs, attributes);
      nodes[nodes.length - 1].domain = BLOCKS_DOMAIN;
      return output;
    },
    integers(values) {
      const data = new BigInt64Array(values.map(BigInt));
      return initializer('i', {
        dims: [values.length],
        data_type: ELEMENT_TYPE.int64,
        raw_data: bytes(data),
      });
    },
    floats: (data, shape) =>
      initializer('w', { dims: [...shape], data_type: ELEMENT_TYPE.float32, raw_data: bytes(data) }),
    define(value, name, layout) {
      const byLayout = names.get(value) ?? new Map<Layout, string>();
      names.set(value, byLayout.set(layout, name));
    },
    use(value, layout = 'plain') {
      const byLayout = names.get(value);
      const name =
        byLayout?.get(layout) ??
        emitConstant(value, layout, emitter) ??
        emitConversion(value, layout, byLayout, emitter);
      emitter.define(value, name, layout);
      return name;
    },
    isNchw: (value) => existsOnlyAs('nchw', value),
    isBlocked: (value) => existsOnlyAs('blocks', value),
    derived(value, purpose, make) {
      const existing = derivations.get(value) ?? new Map<string, string>();
      derivations.set(value, existing);
      const name = existing.get(purpose) ?? make();
      existing.set(purpose, name);
      return name;
    },
  };
  return emitter;
}

/** Brings a computed value into `layout`. @param known its names in other layouts */
function emitConversion(
  value: Value,
  layout: Layout,
  known: ReadonlyMap<Layout, string> | undefined,
  emitter: Emitter,
): string {
  const { node, integers, use } = emitter;
  const { shape } = value;
  if (shape.length === 1)
    return node('Reshape', [use(value), integers(besideImage(shape[0], layout, emitter))]);
  if (shape.length === 0) return use(value);
  const plain = known?.get('plain');
  const nchw = known?.get('nchw');
  const blocks = known?.get('blocks');
  const other = plain ?? nchw ?? blocks;
  if (other === undefined) throw new Error(`${value.op} is used before it is computed`);
  if (layout === 'blocks') return toBlocks(other, shape, other === plain, emitter);
  if (other === blocks) return fromBlocks(other, shape, layout === 'plain', emitter);
  return node('Transpose', [other], { perm: layout === 'nchw' ? NCHW_FROM_NHWC : NHWC_FROM_NCHW });
}

/** @param isNhwc whether `image` is, else NCHW */
function toBlocks(image: string, shape: Shape, isNhwc: boolean, emitter: Emitter): string {
  const [, rows, columns, channels] = shape;
  const block = emitter.block!;
  const reordered = emitter.blockNode('ReorderInput', [image], { channels_last: Number(isNhwc) });
  const inMemory = emitter.integers([-1, channels / block, rows, columns, block]);
  return emitter.node('Reshape', [reordered, inMemory]);
}

/** @param isNhwc whether the result shall be, else NCHW */
function fromBlocks(image: string, shape: Shape, isNhwc: boolean, emitter: Emitter): string {
  const [, rows, columns, channels] = shape;
  const counted = emitter.node('Reshape', [image, emitter.integers([-1, channels, rows, columns])]);
  return emitter.blockNode('ReorderOutput', [counted], { channels, channels_last: Number(isNhwc) });
}

/** The shape under which one number a channel broadcasts beside an image. */
function besideImage(channels: number, layout: Layout, { block }: Emitter): number[] {
  if (layout === 'nchw' || channels === 1) return [channels, 1, 1];
  return layout === 'blocks' ? [channels / block!, 1, 1, block!] : [channels];
}

/** Constants are written in the layout they are used in, where they still broadcast. */
function emitConstant(value: Value, layout: Layout, emitter: Emitter): string | undefined {
  if (value.op !== 'constant') return undefined;
  const { data } = (value as Value<'constant'>).attributes;
  if (layout === 'plain') return emitter.floats(data, value.shape);
  const channels = value.shape.at(-1) ?? 1;
  if (channels !== elementCount(value.shape)) {
    throw new Error('A constant combined with an image varies by channel only');
  }
  return emitter.floats(data, besideImage(channels, layout, emitter));
}

function bytes(data: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
