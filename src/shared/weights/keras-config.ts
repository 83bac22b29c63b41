/** The configuration that Keras saves with a whole model: its layers, their settings, and what each is called on. */
import { InputError } from '../errors.ts';
import { asList, asObject, asText, type Fields, parseJson } from '../fields.ts';

/** What a layer gave at one of its calls. */
export interface KerasTensor {
  readonly layer: string;
  /** As Keras counts the layer's calls. */
  readonly node: number;
}

/** What a layer is called with: tensors, and whatever else (numbers, lists) as it was saved. */
export interface KerasCall {
  readonly tensors: readonly KerasTensor[];
  readonly args: readonly unknown[];
  readonly named: Fields;
}

export interface KerasLayer {
  readonly name: string;
  /** Its class, as Keras spells it. */
  readonly kind: string;
  /** What Keras 3 calls its group in a file of weights; none for an operation. */
  readonly key: string | undefined;
  readonly settings: Fields;
  readonly calls: readonly KerasCall[];
  /** If the layer is a model of its own. */
  readonly model: KerasModel | undefined;
}

export interface KerasModel {
  readonly name: string;
  /** A chain of layers without calls. */
  readonly isSequential: boolean;
  readonly layers: readonly KerasLayer[];
  readonly inputs: readonly string[];
  readonly outputs: readonly KerasTensor[];
}

/** Models within models, and layers of them all, that a configuration may have. */
const MAX_DEPTH = 20;
const MAX_LAYERS = 20_000;

/**
 * Reads a configuration; undefined for a model of a class of its own, whose configuration names no layers.
 * @throws InputError that names the file and what is damaged
 */
export function parseKerasConfig(json: string, path: string): KerasModel | undefined {
  const where = `the configuration in ${path}`;
  return kerasModel(parseJson(json, where), where);
}

/** The same for a configuration that is parsed already. */
export function kerasModel(parsed: unknown, where: string): KerasModel | undefined {
  const budget = { layers: MAX_LAYERS };
  const entry = asObject(parsed, where);
  try {
    return isModel(entry) ? model(entry, where, budget, 0) : undefined;
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw new InputError(`Expected lists that are nested less deeply in ${where}`);
    throw thrown;
  }
}

function isModel({ config }: Fields): boolean {
  if (Array.isArray(config)) return true;
  return typeof config === 'object' && config !== null && Array.isArray((config as Fields).layers);
}

function model(entry: Fields, where: string, budget: { layers: number }, depth: number): KerasModel {
  if (depth > MAX_DEPTH)
    throw new InputError(`Expected at most ${MAX_DEPTH} models within models in ${where}`);
  // Keras 1 and 2.0 to 2.2 save a chain as a list without a name.
  const config: Fields = Array.isArray(entry.config)
    ? { layers: entry.config }
    : asObject(entry.config, `config in ${where}`);
  const entries = asList(config.layers, `layers in ${where}`).map((layer) =>
    asObject(layer, `a layer in ${where}`),
  );
  budget.layers -= entries.length;
  if (budget.layers < 0) throw new InputError(`Expected at most ${MAX_LAYERS} layers in ${where}`);
  const isSequential = !('input_layers' in config);
  const keys = new Map<string, number>();
  const layers = entries.map((layer) => {
    const kind = asText(layer.class_name, `class_name in ${where}`);
    const nested = isModel(layer);
    const settings =
      nested && Array.isArray(layer.config) ? {} : asObject(layer.config, `config in ${where}`);
    const name = asText(layer.name ?? settings.name ?? kind, `name in ${where}`);
    return {
      name,
      kind,
      key: isOperation(layer) ? undefined : numbered(snakeCase(kind), keys),
      settings,
      calls: isSequential ? [] : calls(layer.inbound_nodes, where),
      model: nested ? model(layer, where, budget, depth + 1) : undefined,
    };
  });
  return {
    name: typeof config.name === 'string' ? config.name : asText(entry.class_name, `class_name in ${where}`),
    isSequential,
    layers,
    inputs: tensorList(config.input_layers).map(({ layer }) => layer),
    outputs: tensorList(config.output_layers),
  };
}

/** Functions that Keras 3 saves beside the layers, but not as layers. */
function isOperation({ module }: Fields): boolean {
  return typeof module === 'string' && /^keras(\.src)?\.ops/.test(module);
}

/** to_snake_case of keras/src/utils/naming.py. */
function snakeCase(kind: string): string {
  return kind
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function numbered(name: string, used: Map<string, number>): string {
  const count = used.get(name) ?? 0;
  used.set(name, count + 1);
  return count === 0 ? name : `${name}_${count}`;
}

/** `["conv1", 0, 0]`, a list of such, or (of models with named outputs) an object of such. */
function tensorList(saved: unknown): KerasTensor[] {
  const single = savedTensor(saved);
  if (single) return [single];
  if (typeof saved !== 'object' || saved === null) return [];
  return Object.values(saved).flatMap((entry) => savedTensor(entry) ?? []);
}

function savedTensor(saved: unknown): KerasTensor | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [layer, node, index] = saved;
  const isTensor = typeof layer === 'string' && Number.isSafeInteger(node) && Number.isSafeInteger(index);
  return isTensor ? { layer, node } : undefined;
}

function calls(nodes: unknown, where: string): KerasCall[] {
  return asList(nodes ?? [], `inbound_nodes in ${where}`).map((node) =>
    Array.isArray(node) ? olderCall(node) : call(asObject(node, `inbound_nodes in ${where}`)),
  );
}

/** Keras 3: `{args, kwargs}`, in which tensors are objects that name the layer they come from. */
function call(node: Fields): KerasCall {
  const tensors: KerasTensor[] = [];
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    const { class_name: kind, config, ...others } = value as Fields;
    if (kind === '__keras_tensor__') {
      const tensor = savedTensor((config as Fields | undefined)?.keras_history);
      if (tensor) tensors.push(tensor);
      return tensor;
    }
    if (kind === '__tensor__' || kind === '__numpy__') return (config as Fields | undefined)?.value;
    return { ...others, class_name: kind, config };
  };
  const args = (Array.isArray(node.args) ? node.args : []).map(plain);
  const named = Object.fromEntries(
    Object.entries((node.kwargs ?? {}) as Fields).map(([key, value]) => [key, plain(value)]),
  );
  return { tensors, args, named };
}

/** Keras 1 and 2: `[layer, node, tensor, named arguments]`, or a list of such. */
function olderCall(node: readonly unknown[]): KerasCall {
  const entries = (typeof node[0] === 'string' ? [node] : node).filter(Array.isArray);
  const named = asFields(entries[0]?.[3]);
  const args = entries.map((entry) => (entry[0] === '_CONSTANT_VALUE' ? entry[2] : savedTensor(entry)));
  const all = [...args, ...Object.values(named)].map((value) =>
    isTensor(value) ? value : savedTensor(value),
  );
  return { tensors: all.filter((tensor) => tensor !== undefined), args, named };
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** Whether an argument of a call is a tensor. */
export function isTensor(value: unknown): value is KerasTensor {
  return typeof value === 'object' && value !== null && 'layer' in value && 'node' in value;
}
