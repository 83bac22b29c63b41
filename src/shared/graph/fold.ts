/** Graph pass: scales and shifts that follow a convolution become part of its kernel and bias. */
import { constant } from './build.ts';
import { elementCount, type Graph, type Value } from './value.ts';

/**
 * Folds `mul(conv, constant)` and `add(conv, constant)` with one number per channel into the convolution,
 * which is how the batch-norm of a frozen backbone disappears. A convolution whose plain result is needed
 * elsewhere (or is an output) stays as it is.
 */
export function foldScaleShift(source: Graph): Graph {
  const users = countUsers(source);
  const replacement = new Map<Value, Value>();
  for (const value of source.values) {
    const inputs = value.inputs.map((input) => replacement.get(input) ?? input);
    replacement.set(value, foldInto(value, inputs, users) ?? rebuilt(value, inputs));
  }
  const current = (value: Value): Value => replacement.get(value) ?? value;
  const outputs = new Map([...source.outputs].map(([name, value]) => [name, current(value)]));
  return { inputs: source.inputs, outputs, values: reachable(source.values.map(current), outputs) };
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
  const [image, kernelValue, biasValue] = convolution.inputs;
  const kernel = constantData(kernelValue);
  const bias = biasValue ? constantData(biasValue) : new Float32Array(value.shape.at(-1) ?? 0);
  if (!perChannel || !kernel || !bias) return undefined;
  const channels = perChannel.length;
  const folded =
    value.op === 'mul'
      ? {
          kernel: scaledColumns(kernel, perChannel),
          bias: bias.map((b, i) => b * perChannel[i]),
        }
      : { kernel, bias: bias.map((b, i) => b + perChannel[i]) };
  return {
    ...convolution,
    inputs: [
      image,
      folded.kernel === kernel ? kernelValue : constant(folded.kernel, kernelValue.shape, kernelValue.name),
      constant(folded.bias, [channels]),
    ],
  };
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

/** The constant as one number per channel, if it varies along the last axis only. */
function channelVector(value: Value, channels: number): Float32Array | undefined {
  const data = constantData(value);
  if (!data || (value.shape.at(-1) ?? 1) !== elementCount(value.shape)) return undefined;
  if (data.length === channels) return data;
  return data.length === 1 ? new Float32Array(channels).fill(data[0]) : undefined;
}

/** Keeps the values that outputs still need, in their order. */
function reachable(values: readonly Value[], outputs: ReadonlyMap<string, Value>): Value[] {
  const needed = new Set<Value>(outputs.values());
  for (const value of values.toReversed())
    if (needed.has(value)) for (const input of value.inputs) needed.add(input);
  const ordered: Value[] = [];
  const placed = new Set<Value>();
  for (const value of values) {
    // New kernels and biases were made for this value alone, so they come just before it.
    for (const candidate of [...value.inputs, value]) {
      if (needed.has(candidate) && !placed.has(candidate)) {
        placed.add(candidate);
        ordered.push(candidate);
      }
    }
  }
  return ordered;
}
