/** Graph pass: scales and shifts that follow a convolution become part of its kernel and bias. */
import { add, constant, graph, mul, reshape } from './build.ts';
import type { Graph, Value } from './value.ts';

/**
 * Folds `mul(conv, scale)` and `add(conv, shift)` with one number per channel into the convolution, which is how batch-norm with
 * frozen statistics disappears: constants at once; a kernel that is fed is scaled when the graph runs, instead of the image.
 * A constant kernel stays constant, and a convolution whose plain result is needed elsewhere (or is an output) stays as it is.
 */
export function foldScaleShift(source: Graph): Graph {
  const users = countUsers(source);
  const replacement = new Map<Value, Value>();
  for (const value of source.values) {
    const inputs = value.inputs.map((input) => replacement.get(input) ?? input);
    replacement.set(value, foldInto(value, inputs, users) ?? rebuilt(value, inputs));
  }
  const current = (value: Value): Value => replacement.get(value) ?? value;
  const outputs = [...source.outputs].map(([name, value]) => [name, current(value)] as const);
  return { ...graph(Object.fromEntries(outputs)), inputs: source.inputs };
}

/** How often each value is used, an output counting as a use. */
export function countUsers({ values, outputs }: Graph): Map<Value, number> {
  const users = new Map<Value, number>();
  for (const value of [...values.flatMap(({ inputs }) => inputs), ...outputs.values()]) {
    users.set(value, (users.get(value) ?? 0) + 1);
  }
  return users;
}

function rebuilt(value: Value, inputs: readonly Value[]): Value {
  return inputs.every((input, index) => input === value.inputs[index]) ? value : { ...value, inputs };
}

function foldInto(value: Value, inputs: readonly Value[], users: Map<Value, number>): Value | undefined {
  if (value.op !== 'mul' && value.op !== 'add') return undefined;
  const index = inputs.findIndex(isConvolution);
  if (index < 0 || users.get(value.inputs[index]) !== 1) return undefined;
  const convolution = inputs[index];
  const perChannel = channelVector(inputs[1 - index], value.shape.at(-1) ?? 0);
  const [image, kernel, bias] = convolution.inputs;
  if (!perChannel || (value.op === 'mul' && constantData(kernel) && !constantData(perChannel)))
    return undefined;
  const folded =
    value.op === 'mul'
      ? [scaledKernel(convolution, perChannel), ...(bias ? [combined('mul', bias, perChannel)] : [])]
      : [kernel, bias ? combined('add', bias, perChannel) : perChannel];
  return { ...convolution, inputs: [image, ...folded] };
}

/** The kernel times one number a channel of the result: now where both are constants, else when the graph runs. */
function scaledKernel({ op, inputs: [, kernel] }: Value, scales: Value): Value {
  const [numbers, factors] = [constantData(kernel), constantData(scales)];
  if (numbers && factors) return constant(scaledColumns(numbers, factors), kernel.shape, kernel.name);
  return mul(kernel, op === 'depthwiseConv2d' ? reshape(scales, [scales.shape[0], 1]) : scales);
}

/** A sum or product of two vectors. */
function combined(op: 'add' | 'mul', a: Value, b: Value): Value {
  const [left, right] = [constantData(a), constantData(b)];
  if (!left || !right) return op === 'add' ? add(a, b) : mul(a, b);
  return constant(
    left.map((number, i) => (op === 'add' ? number + right[i] : number * right[i])),
    a.shape,
  );
}

/** Each column of [rows, scales.length] times its scale; plain loops, since networks have millions of weights. */
function scaledColumns(kernel: Float32Array, scales: Float32Array): Float32Array {
  const scaled = new Float32Array(kernel.length);
  const columns = scales.length;
  for (let row = 0; row < kernel.length; row += columns) {
    for (let column = 0; column < columns; column++) {
      scaled[row + column] = kernel[row + column] * scales[column];
    }
  }
  return scaled;
}

function isConvolution({ op }: Value): boolean {
  return op === 'conv2d' || op === 'depthwiseConv2d';
}

function constantData(value: Value): Float32Array | undefined {
  return isConstant(value) ? value.attributes.data : undefined;
}

function isConstant(value: Value): value is Value<'constant'> {
  return value.op === 'constant';
}

/** One number per channel: a constant that varies along the last axis only, or a vector that is fed or computed. */
function channelVector(value: Value, channels: number): Value | undefined {
  const data = constantData(value);
  if (!data) return value.shape.length === 1 && value.shape[0] === channels ? value : undefined;
  if (data.length !== (value.shape.at(-1) ?? 1)) return undefined;
  if (data.length === channels) return value.shape.length === 1 ? value : constant(data, [channels]);
  return data.length === 1 ? constant(new Float32Array(channels).fill(data[0]), [channels]) : undefined;
}
