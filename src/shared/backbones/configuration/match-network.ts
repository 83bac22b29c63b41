/** Finds a backbone's network in what a configuration computes: equal operations on equal inputs, whatever the weights. */
import type { Value } from '../../graph/value.ts';

/** Numbers values so that equal computations from pixels on have equal numbers. */
export interface Numbering {
  of(value: Value): number;
  /** Makes a value stand for pixels. */
  pixels(value: Value): void;
}

/** Arrays up to this length count with their numbers: scales, and what batch-norms of blank weights make of their epsilon. */
const MAX_COMPARED = 8192;

export function createNumbering(): Numbering {
  const numbers = new Map<string, number>();
  const numberByValue = new Map<Value, number>();
  const numberOf = (key: string): number => {
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  };
  const of = (value: Value): number => {
    const found = numberByValue.get(value);
    if (found !== undefined) return found;
    const number = numberOf(keyOf(value, inputsOf(value).map(of)));
    numberByValue.set(value, number);
    return number;
  };
  return { of, pixels: (value) => void numberByValue.set(value, numberOf(`pixels ${value.shape}`)) };
}

function keyOf(value: Value, inputs: readonly number[]): string {
  const { op, shape } = value;
  if (isConstant(value)) {
    const { data } = value.attributes;
    return `constant ${shape} ${data.length <= MAX_COMPARED ? data.join() : data[0]}`;
  }
  const ordered = isCommutative(value) ? inputs.toSorted((a, b) => a - b) : inputs;
  const padding = paddedPool(value)?.attributes.padding;
  return `${op} ${JSON.stringify({ ...value.attributes, ...(padding && { padding }) })} ${shape} ${ordered}`;
}

/** What a value is computed from. */
function inputsOf(value: Value): readonly Value[] {
  return paddedPool(value)?.inputs ?? value.inputs;
}

/** The zeros before a maximum of numbers that are not negative: they are the same as the pool's own padding. */
function paddedPool({ op, attributes, inputs: [x] }: Value): Value<'pad'> | undefined {
  if (op !== 'maxPool' || !isPad(x) || x.inputs[0].op !== 'relu') return undefined;
  return (attributes as Value<'maxPool'>['attributes']).padding.some((zeros) => zeros > 0) ? undefined : x;
}

function isPad(value: Value): value is Value<'pad'> {
  return value.op === 'pad';
}

function isConstant(value: Value): value is Value<'constant'> {
  return value.op === 'constant';
}

function isCommutative({ op }: Value): boolean {
  return op === 'add' || op === 'mul';
}

/** Which layer of a trace each layer of a backbone is, both by their names. */
export interface NetworkMatch {
  readonly layers: ReadonlyMap<string, string>;
  /** What stands for pixels in the trace. */
  readonly roots: ReadonlySet<Value>;
}

/** A network that was built: its layers' outputs by name. */
type Outputs = ReadonlyMap<string, Value>;

/**
 * Walks two values with equal numbers side by side.
 * @param expected of the backbone, @param found of the trace, each with the outputs of all layers
 */
export function pairLayers(
  expected: { value: Value; outputs: Outputs },
  found: { value: Value; outputs: Outputs },
  numbering: Numbering,
  isPixels: (value: Value) => boolean,
): NetworkMatch {
  const expectedNames = namesOf(expected.outputs);
  const foundNames = namesOf(found.outputs);
  const layers = new Map<string, string>();
  const roots = new Set<Value>();
  const seen = new Set<Value>();
  const pending: [Value, Value][] = [[expected.value, found.value]];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [a, b] = next;
    if (isPixels(a)) {
      roots.add(b);
      continue;
    }
    if (seen.has(a)) continue;
    seen.add(a);
    const name = expectedNames.get(a) ?? ownerOf(a);
    const foundName = foundNames.get(b) ?? ownerOf(b);
    if (name !== undefined && foundName !== undefined && !layers.has(name)) layers.set(name, foundName);
    pending.push(...pairs(a, b, numbering));
  }
  return { layers, roots };
}

function namesOf(outputs: Outputs): Map<Value, string> {
  return new Map([...outputs].map(([name, value]) => [value, name]));
}

/** The layer that a weight belongs to. */
function ownerOf({ op, name }: Value): string | undefined {
  return op === 'constant' && name?.includes('/') ? name.slice(0, name.lastIndexOf('/')) : undefined;
}

function pairs(a: Value, b: Value, numbering: Numbering): [Value, Value][] {
  const [inputs, found] = [inputsOf(a), inputsOf(b)];
  const isCrossed = isCommutative(a) && numbering.of(inputs[0]) !== numbering.of(found[0]);
  const others = isCrossed ? found.toReversed() : found;
  return inputs.map((input, index) => [input, others[index]]);
}
