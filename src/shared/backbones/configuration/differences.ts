/** The first layer of a backbone that a configuration does not have, and what it has in its place. */
import { InputError } from '../../errors.ts';
import type { Fields } from '../../fields.ts';
import type { Value } from '../../graph/value.ts';
import type { Numbering } from './match-network.ts';
import type { Trace, TracedCall } from './trace.ts';

type Outputs = ReadonlyMap<string, Value>;

/** Settings that decide what a layer computes. */
const TELLING = [
  'filters',
  'units',
  'kernel_size',
  'pool_size',
  'strides',
  'padding',
  'dilation_rate',
  'groups',
  'depth_multiplier',
  'use_bias',
  'activation',
  'max_value',
  'negative_slope',
  'epsilon',
  'axis',
  'center',
  'scale',
  'target_shape',
  'cropping',
];

export function differences(
  expected: Outputs,
  trace: Trace,
  numbering: Numbering,
  { backbone, where }: { backbone: string; where: string },
): InputError {
  const found = new Set(
    trace.calls.flatMap(({ output }) => (output.kind === 'value' ? [numbering.of(output.value)] : [])),
  );
  const own = new Set([...expected.values()].map((value) => numbering.of(value)));
  const layerValues = new Set(expected.values());
  for (const [name, value] of expected) {
    if (found.has(numbering.of(value))) continue;
    const inputs = layerInputs(value, layerValues).map((input) => numbering.of(input));
    const there = trace.calls.find((call) => isOtherLayer(call, inputs, own, numbering));
    return new InputError(
      `Expected the layer ${name}${described(value)} of ${backbone} as Keras Applications builds it in ${where} but found ${there ? text(there) : (trace.otherInputs[0] ?? 'none there')}`,
    );
  }
  return new InputError(`Expected ${backbone} in ${where} but found none`);
}

/** The outputs of layers, or pixels, that a layer's output is computed from. */
function layerInputs(value: Value, layerValues: ReadonlySet<Value>): Value[] {
  return value.inputs
    .filter(({ op }) => op !== 'constant')
    .flatMap((input) =>
      layerValues.has(input) || input.inputs.length === 0 ? [input] : layerInputs(input, layerValues),
    );
}

/** Whether a call is on the same inputs and gives what no layer of the backbone gives. */
function isOtherLayer(
  { inputs, output }: TracedCall,
  expected: readonly number[],
  own: ReadonlySet<number>,
  numbering: Numbering,
): boolean {
  if (output.kind === 'front' || output.kind === 'colour') return false;
  if (output.kind === 'value' && own.has(numbering.of(output.value))) return false;
  const given = inputs.map((traced) => {
    if (traced.kind === 'value') return numbering.of(traced.value);
    return traced.kind === 'front' ? numbering.of(traced.root) : -1;
  });
  return given.length === expected.length && given.toSorted().join() === [...expected].sort().join();
}

function text({ path, layer, output }: TracedCall): string {
  if (output.kind === 'unknown') return output.reason;
  const { settings, kind } = layer;
  return `${path.join('/')} (${kind}${settingsText(settings)})`;
}

function settingsText(settings: Fields): string {
  return TELLING.filter((name) => settings[name] !== undefined && settings[name] !== null)
    .map((name) => `, ${name} ${JSON.stringify(settings[name])}`)
    .join('');
}

/** A convolution's kernel and strides. */
function described(value: Value): string {
  if (value.op !== 'conv2d' && value.op !== 'depthwiseConv2d') return '';
  const { strides, padding } = (value as Value<'conv2d'>).attributes;
  return ` (kernel ${value.inputs[1].shape.join('x')}, strides ${strides.join('x')}, zeros around ${padding.join(', ')})`;
}
