/** What can be said of a model file as a backbone before anything is loaded. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { PoolingName } from '../pooling.ts';
import type { BackboneRequest } from '../thread/protocol.ts';
import { familyPooling } from './config.ts';
import { readModelConfig } from './input.ts';

/** Whether a backbone's name is that of an ONNX file. */
export function isModelFile(name: string): boolean {
  return /\.onnx$/i.test(name);
}

/**
 * The part of a request that names a model file: the backbone is called like the file, which holds its weights.
 * @throws UsageError where there is no such file
 */
export function modelFileRequest(file: string): Pick<BackboneRequest, 'name' | 'weights'> {
  if (!existsSync(file)) throw new UsageError(`No such file: ${file} (--backbone)`);
  return { name: basename(file), weights: resolve(file) };
}

/**
 * The pooling of a model file where neither pooling nor layer is named: as the authors of its family pool features for
 * a linear classifier, else the average.
 * @throws InputError for a config.json that is damaged
 */
export function modelFilePooling(file: string): PoolingName {
  return familyPooling(readModelConfig(file)) ?? 'avg';
}
