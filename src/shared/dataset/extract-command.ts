/** The command that adds columns to a store: it names whatever extract would otherwise compute differently, and so refuse. */
import { basename, dirname } from 'node:path';
import { commandLine } from '../command-line.ts';
import type { FeatureStore } from '../store/reader.ts';
import type { Pipeline } from '../store/schema.ts';

/** A flag is left out where it has no value, or the one that extract takes of itself. */
type Flag = [name: string, value: string | undefined, usual?: string];

/**
 * Where the images are (`DATA`) and how many views each has (`N`), a store does not say.
 * @param pooling default: extract's
 */
export function addingCommand(
  { dir, manifest }: Pick<FeatureStore, 'dir' | 'manifest'>,
  layers: string,
  pooling?: string,
): string {
  const { pipeline, augment, shard } = manifest;
  const { width, height } = pipeline.size;
  const [transformations, seed] = augment?.split(';seed=') ?? [];
  const flags: Flag[] = [
    ['--data', 'DATA'],
    ...(isModel(pipeline) ? modelFlags(pipeline) : networkFlags(pipeline)),
    ['--layer', layers],
    ['--pooling', pooling],
    ['--size', `${width}x${height}`],
    ...resizeFlags(pipeline),
    ['--dtype', pipeline.dtype, 'float32'],
    ['--augment', transformations && `N:${transformations}`],
    ['--seed', seed, '0'],
    ['--shard', shard ? `${shard.index}/${shard.of}` : undefined],
    ['--out', shard ? dirname(dir) : dir],
  ];
  const given = flags.flatMap(([name, value, usual]) =>
    value === undefined || value === usual ? [] : [name, value],
  );
  return commandLine(['permafrost', 'extract', ...given]);
}

/** Whether a backbone is an .onnx file, of a hub or not: none of those has a table of depths. */
export function isModel({ backbone }: Pick<Pipeline, 'backbone'>): boolean {
  return /\.onnx$|^hf:/i.test(backbone);
}

function networkFlags({ backbone, weights }: Pipeline): Flag[] {
  return [
    ['--backbone', backbone],
    ['--weights', weights, 'imagenet'],
  ];
}

function modelFlags({ backbone, weights, preprocessing }: Pipeline): Flag[] {
  const isFile = !backbone.includes('/');
  const [, precision] = /[\\/](?:vision_)?model_(\w+)\.onnx$/.exec(weights) ?? [];
  return [
    ['--backbone', isFile ? weights : modelName({ backbone, weights })],
    ['--precision', isFile ? undefined : precision],
    ['--preprocess', preprocessing],
  ];
}

/** `hf:ORG/NAME@COMMIT`, or the folder that `FOLDER/model.onnx` is in, directly or below `onnx`. */
function modelName({ backbone, weights }: Pick<Pipeline, 'backbone' | 'weights'>): string {
  if (backbone.startsWith('hf:')) return /^[^@]+@[^/]+/.exec(weights)?.[0] ?? backbone;
  const folder = dirname(weights);
  return basename(folder) === dirname(backbone) ? folder : dirname(folder);
}

/** Of `crop 256 bicubic` the interpolation alone: an edge has no flag, but comes with the model, as does its crop. */
function resizeFlags(pipeline: Pipeline): Flag[] {
  const words = pipeline.resize.split(' ');
  const fit = words.length > 1 ? words[0] : 'stretch';
  // A model may have other ways of its own.
  const [usualFit, usualInterpolation] = isModel(pipeline) ? [] : ['stretch', 'bilinear'];
  return [
    ['--resize', words.length > 2 ? undefined : fit, usualFit],
    ['--interpolation', words.at(-1), usualInterpolation],
  ];
}
