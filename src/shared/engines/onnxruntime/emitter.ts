/** Collects ONNX nodes while a graph is translated, and keeps track of the layout in which each image lives. */
import { elementCount, type Shape, type Value } from '../../graph/value.ts';
import {
  ELEMENT_TYPE,
  type OnnxAttributes,
  type OnnxNode,
  type OnnxTensor,
  onnxAttributes,
} from './proto.ts';

/** Graphs are NHWC; onnxruntime's convolutions and pools are NCHW. `plain` is the graph's own layout. */
export type Layout = 'plain' | 'nchw';

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
  /** Adds a node with one output and returns the output's name. */
  node(type: string, inputs: readonly string[], attributes?: OnnxAttributes): string;
  /** Adds a node with several outputs and returns their names. */
  nodeOf(count: number, type: string, inputs: readonly string[], attributes?: OnnxAttributes): string[];
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
  /** The name of what `make` adds for `value`, which is added once for each `purpose`. */
  derived(value: Value, purpose: string, make: () => string): string;
}

export function createEmitter(): Emitter {
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

  const emitter: Emitter = {
    nodes,
    initializers,
    node: (type, inputs, attributes) => emitter.nodeOf(1, type, inputs, attributes)[0],
    nodeOf(outputs, type, inputs, attributes = {}) {
      const output = Array.from({ length: outputs }, () => `v${count++}`);
      nodes.push({ op_type: type, input: [...inputs], output, attribute: onnxAttributes(attributes) });
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
      const other = byLayout?.get(layout === 'plain' ? 'nchw' : 'plain');
      const name =
        byLayout?.get(layout) ??
        emitConstant(value, layout, emitter) ??
        emitConversion(value, layout, other, emitter);
      emitter.define(value, name, layout);
      return name;
    },
    isNchw: (value) => names.get(value)?.has('nchw') === true && !names.get(value)?.has('plain'),
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

/** Brings a computed value into `layout`. @param other its name in the other layout */
function emitConversion(value: Value, layout: Layout, other: string | undefined, emitter: Emitter): string {
  // One number a channel, beside an image: as NCHW, [C] becomes [C, 1, 1].
  if (value.shape.length === 1)
    return emitter.node('Reshape', [emitter.use(value), emitter.integers([-1, 1, 1])]);
  if (value.shape.length === 0) return emitter.use(value);
  if (other === undefined) throw new Error(`${value.op} is used before it is computed`);
  const perm = layout === 'nchw' ? NCHW_FROM_NHWC : NHWC_FROM_NCHW;
  return emitter.node('Transpose', [other], { perm });
}

/** Constants are written in the layout they are used in. As NCHW, [C] becomes [C, 1, 1] so that it still broadcasts. */
function emitConstant(value: Value, layout: Layout, emitter: Emitter): string | undefined {
  if (value.op !== 'constant') return undefined;
  const { data } = (value as Value<'constant'>).attributes;
  if (layout === 'plain') return emitter.floats(data, value.shape);
  const channels = value.shape.at(-1) ?? 1;
  if (channels !== elementCount(value.shape)) {
    throw new Error('A constant combined with an image varies by channel only');
  }
  return emitter.floats(data, [channels, 1, 1]);
}

function bytes(data: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
