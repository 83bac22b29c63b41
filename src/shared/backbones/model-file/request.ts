/** What can be said of a model file as a backbone before anything is loaded. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { BackboneRequest } from '../thread/protocol.ts';

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
