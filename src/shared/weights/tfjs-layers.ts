/** TensorFlow.js layers models (model.json and its shards): only arrays are read, by name; the topology is not looked at. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeText } from '../encoding.ts';
import { InputError, messageOf, unexpected } from '../errors.ts';
import {
  asList,
  asNumber,
  asObject,
  asOneOf,
  asText,
  asTexts,
  asWhole,
  type Fields,
  parseJson,
} from '../fields.ts';
import { widenFloat16 } from '../float16.ts';
import { elementCount, type Shape } from '../graph/value.ts';
import { type MatchOptions, matchLayers, type SavedLayer, type SavedWeight } from './match-layers.ts';
import type { WeightSource } from './source.ts';

/** A model.json holds names and shapes, no numbers: the largest network's has 10 MB. */
const LONGEST_JSON = 256 * 1024 * 1024;
const LARGEST_AXIS = 2 ** 31 - 1;

/** Bytes of a stored number; those of 8 and 16 bits are quantized ones. */
const BYTES = { float32: 4, float16: 2, uint8: 1, uint16: 2 } as const;
type StoredType = keyof typeof BYTES;
const STORED_TYPES = Object.keys(BYTES) as StoredType[];

interface SavedArray {
  shape: number[];
  stored: StoredType;
  /** Quantized numbers stand for `scale * n + min`. */
  scale: number;
  min: number;
  /** Where it begins in its group of shards. */
  start: number;
  group: Group;
}

interface Group {
  files: string[];
  bytes: number;
}

/** The arrays of a model, by the names that its manifest gives them. */
export interface TfjsArrays {
  readonly shapes: ReadonlyMap<string, Shape>;
  read(name: string): Float32Array;
  close(): void;
}

/** @throws InputError that names the file and what is damaged */
export function openTfjsArrays(path: string): TfjsArrays {
  const arrays = savedArrays(path);
  const shards = new Map<Group, ReturnType<typeof openShards>>();
  const close = (): void => {
    for (const opened of shards.values()) opened.close();
  };
  try {
    for (const { group } of arrays.values())
      if (!shards.has(group)) shards.set(group, openShards(group, path));
  } catch (thrown) {
    close();
    throw thrown;
  }
  return {
    shapes: new Map([...arrays].map(([name, { shape }]) => [name, shape])),
    read(name) {
      const array = arrays.get(name);
      if (!array) throw new Error(`${path} has no array ${name}`);
      const length = elementCount(array.shape) * BYTES[array.stored];
      return numbers(array, shards.get(array.group)!.read(array.start, length));
    },
    close,
  };
}

/**
 * Opens a model for a backbone, whose layers are found as in a Keras file.
 * @throws InputError that names the file and what is damaged, or the layer and shape that do not fit
 */
export async function openTfjsWeights(
  options: MatchOptions,
): Promise<{ source: WeightSource; close: () => void }> {
  const { path, layers } = options;
  const { shapes, read, close } = openTfjsArrays(path);
  try {
    const matched = matchLayers(savedLayers(shapes), options);
    const positions = new Map(layers.map(({ layer, weights }) => [layer, weights.map(({ name }) => name)]));
    return {
      source(layer, weight) {
        const field = positions.get(layer)?.indexOf(weight) ?? -1;
        const saved = matched.get(layer)?.weights[field];
        if (!saved) throw new Error(`${layer}/${weight} was not requested when ${path} was opened`);
        return read(saved.path);
      },
      close,
    };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** The arrays of a model.json by name, with every claim checked but the shards' lengths. */
function savedArrays(path: string): Map<string, SavedArray> {
  const field = (name: string) => `${name} of ${path}`;
  const size = statSync(path).size;
  if (size > LONGEST_JSON) throw unexpected(`at most ${LONGEST_JSON} bytes`, path, size);
  const model = asObject(parseJson(decodeText(readFileSync(path), path), path), path);
  if (model.format === 'graph-model')
    throw unexpected('a layers model, whose layers have names,', field('format'), model.format);
  const arrays = new Map<string, SavedArray>();
  asList(model.weightsManifest, field('weightsManifest')).forEach((entry, g) => {
    const where = (name: string) => field(`weightsManifest[${g}].${name}`);
    const fields = asObject(entry, field(`weightsManifest[${g}]`));
    const group: Group = { files: asTexts(fields.paths, where('paths')).map(checkName), bytes: 0 };
    asList(fields.weights, where('weights')).forEach((weight, w) => {
      const [name, array] = savedArray(asObject(weight, where(`weights[${w}]`)), group, (name) =>
        where(`weights[${w}].${name}`),
      );
      if (arrays.has(name)) throw unexpected('each name once', where('weights'), name);
      arrays.set(name, array);
      group.bytes = array.start + elementCount(array.shape) * BYTES[array.stored];
      if (!Number.isSafeInteger(group.bytes))
        throw unexpected('a smaller array', where(`weights[${w}].shape`), array.shape);
    });
  });
  return arrays;

  function checkName(file: string): string {
    // The shards lie beside the model; nothing may lead elsewhere.
    if (/[\\/]|^\.+$|^$|\0/.test(file)) throw unexpected('plain file names', field('paths'), file);
    return file;
  }
}

function savedArray(fields: Fields, group: Group, field: (name: string) => string): [string, SavedArray] {
  const name = asText(fields.name, field('name'));
  const shape = asList(fields.shape, field('shape')).map((axis) =>
    asWhole(axis, field('shape'), 0, LARGEST_AXIS),
  );
  const common = { shape, start: group.bytes, group };
  asOneOf(fields.dtype, field('dtype'), ['float32']);
  if (fields.quantization === undefined) return [name, { ...common, stored: 'float32', scale: 1, min: 0 }];
  const quantization = asObject(fields.quantization, field('quantization'));
  const stored = asOneOf(quantization.dtype, field('quantization.dtype'), STORED_TYPES);
  const isAffine = stored === 'uint8' || stored === 'uint16';
  const scale = isAffine ? asNumber(quantization.scale, field('quantization.scale')) : 1;
  const min = isAffine ? asNumber(quantization.min, field('quantization.min')) : 0;
  return [name, { ...common, stored, scale, min }];
}

/** Arrays by the layer in their names (`conv1_conv/kernel`, `resnet50/conv1_conv/kernel`), in the model's order. */
function savedLayers(shapes: TfjsArrays['shapes']): SavedLayer[] {
  const layers = new Map<string, SavedWeight[]>();
  for (const [path, shape] of shapes) {
    const owner = path.split('/').slice(0, -1).join('/');
    const weights = layers.get(owner) ?? [];
    weights.push({ path, shape });
    layers.set(owner, weights);
  }
  return [...layers].map(([owner, weights]) => {
    const [name, ...outer] = owner.split('/').toReversed();
    return { name, container: outer.toReversed().join('/'), key: name, sequence: '', weights };
  });
}

/** A group's shards one after the other, as if they were one file. */
function openShards({ files, bytes }: Group, path: string) {
  const shards: { file: number; start: number; size: number }[] = [];
  const close = (): void => {
    for (const { file } of shards) closeSync(file);
  };
  try {
    let start = 0;
    for (const name of files) {
      const file = openSync(join(dirname(path), name), 'r');
      const { size } = fstatSync(file);
      shards.push({ file, start, size });
      start += size;
    }
    if (start !== bytes) throw unexpected(`${bytes} bytes in ${files.join(', ')}`, path, start);
  } catch (thrown) {
    close();
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(
      `Expected the files ${files.join(', ')} beside ${path} but they cannot be read: ${messageOf(thrown)}`,
    );
  }
  return {
    close,
    read(from: number, length: number): Uint8Array<ArrayBuffer> {
      const out = new Uint8Array(length);
      for (const { file, start, size } of shards) {
        const first = Math.max(from, start);
        const count = Math.min(from + length, start + size) - first;
        for (let done = 0; done < count; ) {
          const read = readSync(file, out, first - from + done, count - done, first - start + done);
          if (read === 0)
            throw new InputError(`${path}: ${files.join(', ')} became shorter while it was read`);
          done += read;
        }
      }
      return out;
    },
  };
}

function numbers({ stored, scale, min }: SavedArray, { buffer }: Uint8Array<ArrayBuffer>): Float32Array {
  if (stored === 'float32') return new Float32Array(buffer);
  if (stored === 'float16') return widenFloat16(new Uint16Array(buffer));
  const whole = stored === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer);
  return Float32Array.from(whole, (value) => value * scale + min);
}
