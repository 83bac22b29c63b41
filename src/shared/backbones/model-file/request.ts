/** What can be said of a model file as a backbone before anything is loaded. */
import { hubModelPath } from '../../weights/hub/fetch.ts';
import { isHubReference } from '../../weights/hub/reference.ts';
import type { PoolingName } from '../pooling.ts';
import { familyPooling } from './config.ts';
import { readModelConfig } from './input.ts';

/** Whether a backbone's name, as requests and records have it, is that of an ONNX file: of a path, or of a hub. */
export function isModelFile(name: string): boolean {
  return /\.onnx$/i.test(name) || isHubReference(name);
}

/** Where a model file is that a request or a record names by its weights. */
export function modelFilePath(weights: string): string {
  return isHubReference(weights) ? hubModelPath(weights) : weights;
}

/**
 * The pooling of a model file where neither pooling nor layer is named: as the authors of its family pool features for
 * a linear classifier, else the average.
 * @throws InputError for a config.json that is damaged
 */
export function modelFilePooling(weights: string): PoolingName {
  return familyPooling(readModelConfig(modelFilePath(weights))) ?? 'avg';
}
