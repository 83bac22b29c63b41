/** Follows a Keras configuration from its images on, building with blank weights what the model computes. */
import { InputError } from '../../errors.ts';
import { input } from '../../graph/build.ts';
import { BATCH, type Value } from '../../graph/value.ts';
import type { Size } from '../../images/resize.ts';
import type { KerasCall, KerasLayer, KerasModel } from '../../weights/keras-config.ts';
import type { Layers } from '../layers.ts';
import { type Front, NO_FRONT, withAffine } from './front.ts';
import { FRONT_TABLE, takenColour } from './front-table.ts';
import { LAYER_TABLE } from './layer-table.ts';

/** What a tensor of the model is. */
export type Traced =
  /** Pixels as the layers in front made them; `root` stands for them in what is built behind. */
  | { readonly kind: 'front'; readonly root: Value; readonly front: Front }
  | { readonly kind: 'colour'; readonly root: Value; readonly front: Front; readonly colour: number }
  | { readonly kind: 'value'; readonly value: Value }
  /** Nothing that a network here computes. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** One call of a layer that is followed. */
export interface TracedCall {
  readonly path: readonly string[];
  readonly layer: KerasLayer;
  readonly inputs: readonly Traced[];
  readonly output: Traced;
}

export interface Trace {
  readonly calls: readonly TracedCall[];
  /** The layer of each name that `layers` knows. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
  /** What stands for pixels in what is built, and how they were made. */
  readonly fronts: ReadonlyMap<Value, Front>;
  /** The width and height that the model was built for, where they are fixed. */
  readonly built: Partial<Size>;
  /** Inputs that no network here takes. */
  readonly otherInputs: readonly string[];
}

const MAX_CALLS = 50_000;
/** Layers one behind the other that a configuration lists in the wrong order. */
const MAX_CHAIN = 500;

interface State {
  layers: Layers;
  size: Size;
  channelsFirst: boolean;
  calls: TracedCall[];
  paths: Map<string, readonly string[]>;
  fronts: Map<Value, Front>;
  otherInputs: string[];
  depth: number;
  where: string;
}

/** @param size of images, where the configuration leaves it open */
export function traceModel(model: KerasModel, layers: Layers, size: Size, where: string): Trace {
  const channelsFirst = isChannelsFirst(model);
  const built = builtSize(model, channelsFirst);
  const state: State = {
    layers,
    size: { ...size, ...built },
    channelsFirst,
    calls: [],
    paths: new Map(),
    fronts: new Map(),
    otherInputs: [],
    depth: 0,
    where,
  };
  followModel(model, [], undefined, state);
  const { calls, paths, fronts, otherInputs } = state;
  return { calls, paths, fronts, built, otherInputs };
}

function isChannelsFirst({ layers }: KerasModel): boolean {
  return layers.some(({ settings, model }) =>
    model ? isChannelsFirst(model) : settings.data_format === 'channels_first',
  );
}

/** Of the first layer that says it, which is the input or of a chain its first layer. */
function builtSize({ layers }: KerasModel, channelsFirst: boolean): Partial<Size> {
  for (const { settings, model } of layers) {
    const shape = settings.batch_shape ?? settings.batch_input_shape;
    if (Array.isArray(shape) && shape.length === 4) {
      const [height, width] = channelsFirst ? shape.slice(2) : shape.slice(1, 3);
      return { ...(isSide(height) && { height }), ...(isSide(width) && { width }) };
    }
    if (model) return builtSize(model, channelsFirst);
  }
  return {};
}

function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 16_384;
}

/** @param given what the model is called on; none for the outermost, whose inputs are images */
function followModel(
  model: KerasModel,
  path: readonly string[],
  given: readonly Traced[] | undefined,
  state: State,
): readonly Traced[] {
  if (model.isSequential) return [followChain(model, path, given?.[0] ?? image(state), state)];
  const byName = new Map(model.layers.map((layer) => [layer.name, layer]));
  const outputs = new Map<string, Traced>();
  const tensor = (name: string, node: number): Traced => {
    const layer = byName.get(name);
    if (!layer) return { kind: 'unknown', reason: `has the input ${name}, which is missing` };
    const index = callIndex(layer, node);
    const key = `${index} ${name}`;
    const found = outputs.get(key);
    if (found) return found;
    if (++state.depth > MAX_CHAIN) throw new InputError(`Expected layers without a cycle in ${state.where}`);
    const output = evaluate(layer, index);
    state.depth--;
    outputs.set(key, output);
    return output;
  };
  const evaluate = (layer: KerasLayer, index: number): Traced => {
    const position = model.inputs.indexOf(layer.name);
    const call = layer.calls[index];
    if (!call || call.tensors.length === 0) {
      if (position < 0 && layer.kind !== 'InputLayer') return { kind: 'unknown', reason: 'has no input' };
      return given
        ? (given[position] ?? { kind: 'unknown', reason: 'has no input' })
        : inputImage(layer, state);
    }
    const inputs = call.tensors.map(({ layer, node }) => tensor(layer, node));
    return follow({ layer, path: [...path, layer.name], call, inputs, index }, state);
  };
  // In the configuration's order, so that what feeds a layer is mostly there already.
  for (const layer of model.layers)
    for (let index = 0; index < Math.max(1, layer.calls.length); index++)
      tensor(layer.name, nodeOf(layer, index));
  return model.outputs.map(({ layer, node }) => tensor(layer, node));
}

/** Models begin with a call of their own, which is not saved. */
function callIndex(layer: KerasLayer, node: number): number {
  const last = Math.max(0, layer.calls.length - 1);
  return Math.min(last, Math.max(0, node - Number(layer.model !== undefined && !layer.model.isSequential)));
}

function nodeOf(layer: KerasLayer, index: number): number {
  return index + Number(layer.model !== undefined && !layer.model.isSequential);
}

function followChain(model: KerasModel, path: readonly string[], start: Traced, state: State): Traced {
  let output = start;
  for (const layer of model.layers) {
    if (layer.kind === 'InputLayer') {
      if (path.length === 0) output = inputImage(layer, state);
      continue;
    }
    const call: KerasCall = { tensors: [{ layer: '', node: 0 }], args: [{ layer: '', node: 0 }], named: {} };
    output = follow({ layer, path: [...path, layer.name], call, inputs: [output], index: 0 }, state);
  }
  return output;
}

function image(state: State, { width, height }: Size = state.size, front: Front = NO_FRONT): Traced {
  const root = input('image', 'float32', [BATCH, height, width, 3]);
  state.fronts.set(root, front);
  return { kind: 'front', root, front };
}

function inputImage({ name, settings }: KerasLayer, state: State): Traced {
  const shape = settings.batch_shape ?? settings.batch_input_shape;
  const channels =
    Array.isArray(shape) && shape.length === 4 ? shape[state.channelsFirst ? 1 : 3] : undefined;
  if (channels === 3 || channels === null) return image(state);
  const reason = `${name} (InputLayer) takes ${JSON.stringify(shape)}, not images of three colours`;
  state.otherInputs.push(reason);
  return { kind: 'unknown', reason };
}

interface Followed {
  layer: KerasLayer;
  path: readonly string[];
  call: KerasCall;
  inputs: readonly Traced[];
  /** Which of its calls. */
  index: number;
}

function follow(followed: Followed, state: State): Traced {
  const { layer, path, inputs } = followed;
  if (state.calls.length > MAX_CALLS)
    throw new InputError(`Expected at most ${MAX_CALLS} calls of layers in ${state.where}`);
  const unknown = inputs.find((traced) => traced.kind === 'unknown');
  if (unknown) return unknown;
  if (layer.model)
    return followModel(layer.model, path, inputs, state)[0] ?? { kind: 'unknown', reason: 'gives nothing' };
  const output = before(followed, state) ?? behind(followed, state);
  state.calls.push({ path, layer, inputs, output });
  return output;
}

/** The layer as one in front of a network, if it is one and all its inputs are pixels. */
function before({ layer, path, call, inputs }: Followed, state: State): Traced | undefined {
  const { kind, settings } = layer;
  const [first] = inputs;
  if (kind === 'Stack') return stacked(inputs, settings, state);
  if (first?.kind !== 'front' || inputs.length !== 1) return undefined;
  const colour = kind === 'GetItem' ? takenColour(call) : undefined;
  if (colour !== undefined) return { ...first, kind: 'colour', colour };
  const rule = FRONT_TABLE.get(kind);
  if (!rule && LAYER_TABLE.has(kind)) return undefined;
  const front = rule?.({ front: first.front, settings, call, path, kind }) ?? {
    ...first.front,
    problem: first.front.problem ?? `the layer ${path.join('/')} (${kind})`,
  };
  if (front === first.front) return first;
  const [, height, width] = first.root.shape;
  return image(state, front.resized?.size ?? { width, height }, front);
}

/** Three colours of one image put together again, in any order. */
function stacked(inputs: readonly Traced[], { axis }: { axis?: unknown }, state: State): Traced | undefined {
  const [first] = inputs;
  const colours = inputs.flatMap((traced) => (traced.kind === 'colour' ? [traced.colour] : []));
  if (first?.kind !== 'colour' || inputs.length !== 3 || colours.length !== 3 || (axis !== -1 && axis !== 3))
    return undefined;
  const [, height, width] = first.root.shape;
  const order = [colours[0], colours[1], colours[2]] as const;
  return image(
    state,
    { width, height },
    withAffine(first.front, { order, scale: [1, 1, 1], shift: [0, 0, 0] }),
  );
}

/** The layer as one of a network. */
function behind({ layer, path, call, inputs, index }: Followed, state: State): Traced {
  const values = inputs.flatMap((traced) =>
    traced.kind === 'value' ? [traced.value] : traced.kind === 'front' ? [traced.root] : [],
  );
  const rule = LAYER_TABLE.get(layer.kind);
  const unknown = (reason: string): Traced => ({
    kind: 'unknown',
    reason: `${path.join('/')} (${layer.kind}) ${reason}`,
  });
  if (!rule || values.length < inputs.length) return unknown('is none of its layers');
  const name = `${path.join('/')}#${index}`;
  if (state.layers.outputs.has(name)) return unknown('is called too often');
  state.paths.set(name, path);
  const numbers = [...call.args, ...Object.values(call.named)].filter((value) => typeof value === 'number');
  try {
    const { settings } = layer;
    const result = rule({
      layers: state.layers,
      name,
      settings,
      inputs: values,
      numbers,
      channelsFirst: state.channelsFirst,
    });
    return typeof result === 'string' ? unknown(result) : { kind: 'value', value: result };
  } catch {
    // Shapes that do not go together: of a head, or of a damaged file.
    return unknown('does not fit its inputs');
  }
}
