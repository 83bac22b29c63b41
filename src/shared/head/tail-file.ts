/** tail.safetensors: the end of a backbone that was trained with a head, its layers whole. */
import { describeTail } from '../backbones/cut/load.ts';
import type { TailWeight } from '../backbones/cut/weights.ts';
import { isModelFile } from '../backbones/model-file/request.ts';
import { InputError, UsageError, unexpected } from '../errors.ts';
import { type Shape, sameShape } from '../graph/value.ts';
import type { Pipeline } from '../store/schema.ts';
import { encodeSafetensors, type SafetensorsFile, type Tensor } from '../weights/safetensors.ts';
import type { HeadConfig } from './config.ts';
import type { TailSettings } from './tail-settings.ts';

export const TAIL_FILE = 'tail.safetensors';
const FORMAT = 'permafrost-tail';

/** What a head's features are computed with. */
interface TailedSource {
  pipeline: Pipeline;
  columns: readonly string[];
}

/**
 * The weights that the tail of a head's backbone has, in Keras's order.
 * @param where the file that records the tail
 * @throws InputError for sources that no tail can be of, and for layers that the network does not have
 */
export function recordedTail(
  { from, batchNorm }: TailSettings,
  sources: readonly TailedSource[],
  where: string,
): Omit<TailWeight, 'data'>[] {
  const [{ pipeline, columns }] = sources;
  const { backbone: name, size } = pipeline;
  if (sources.length > 1 || isModelFile(name)) {
    const names = sources.map((source) => source.pipeline.backbone).join(', ');
    throw unexpected('one backbone of permafrost for a trained tail', `sources of ${where}`, names);
  }
  try {
    return describeTail({ name, size, poolings: columns, from, batchNorm });
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    throw new InputError(`config.tail of ${where}: ${thrown.message}`);
  }
}

/**
 * The arrays of a tail.
 * @throws InputError for one that is missing, of another shape or too many, and for numbers that are not finite
 */
export function tailTensors(
  file: Pick<SafetensorsFile, 'shapes' | 'read'>,
  weights: readonly Pick<TailWeight, 'name' | 'shape'>[],
  path: string,
): Map<string, Tensor> {
  const known = new Set(weights.map(({ name }) => name));
  for (const name of file.shapes.keys())
    if (!known.has(name)) throw unexpected('only the arrays of the trained layers', path, name);
  return new Map(weights.map(({ name, shape }) => [name, readTensor(file, name, shape, path)]));
}

/**
 * The bytes of tail.safetensors at `path`; of a head without a tail there is none.
 * @throws InputError for arrays that are not those of the tail's layers
 */
export function encodeTail(
  { config, sources }: { config: HeadConfig; sources: readonly TailedSource[] },
  tail: ReadonlyMap<string, Tensor> | undefined,
  path: string,
): Uint8Array | undefined {
  if ((config.tail === undefined) !== (tail === undefined))
    throw new Error(`A head has ${tail ? 'arrays' : 'settings'} of a tail alone`);
  if (!config.tail || !tail) return undefined;
  const file = {
    shapes: new Map([...tail].map(([name, { shape }]) => [name, shape])),
    read: (name: string) => tail.get(name)!.data,
  };
  const whole = tailTensors(file, recordedTail(config.tail, sources, path), path);
  return encodeSafetensors(whole, { format: FORMAT });
}

/** An array of a file, whose shape and numbers are checked. */
export function readTensor(
  { shapes, read }: Pick<SafetensorsFile, 'shapes' | 'read'>,
  name: string,
  shape: Shape,
  path: string,
): Tensor {
  const found = shapes.get(name);
  if (!found || !sameShape(found, shape))
    throw unexpected(`${name} of shape ${shape.join('x')}`, path, found?.join('x'));
  const data = read(name);
  const odd = data.find((number) => !Number.isFinite(number));
  if (odd !== undefined) throw unexpected('finite numbers', `${name} of ${path}`, String(odd));
  return { shape, data };
}
