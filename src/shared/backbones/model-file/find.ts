/** From a backbone's name to a model file on this machine: a file, a folder of a snapshot, or a model of a hub. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { chooseModel, type ModelPrecision } from '../../weights/hub/choose-files.ts';
import { type FetchOptions, fetchHubModel } from '../../weights/hub/fetch.ts';
import { isHubReference, parseReference, referenceName } from '../../weights/hub/reference.ts';
import { findHubModel } from '../hub-models.ts';
import { lookUpBackbone } from '../registry.ts';

/** What a request calls a model file, and where its weights are: a path, or `hf:ORG/NAME@REVISION` until it is fetched. */
export interface FoundModel {
  readonly name: string;
  readonly weights: string;
  /** Of a model of a hub, which is still to be fetched. */
  readonly fetch?: { readonly precision: ModelPrecision };
}

/**
 * The model file that a backbone's name means; nothing is downloaded.
 * @returns undefined for a name that is none of a model file: a network of permafrost, or nothing
 * @throws UsageError where there is no such file, InputError where a folder has none of the precision
 */
export function findModel(name: string, precision: ModelPrecision | undefined): FoundModel | undefined {
  const hub = isHubReference(name) ? name : hubName(name);
  if (hub !== undefined) {
    const reference = parseReference(hub);
    const weights = `${referenceName(reference)}@${reference.revision}`;
    return { name: referenceName(reference), weights, fetch: { precision: precision ?? 'fp32' } };
  }
  if (isFolder(name)) return modelInFolder(name, precision ?? 'fp32');
  if (precision !== undefined)
    throw new UsageError(`--precision is for models of a hub and folders, and ${name} is neither`);
  if (!isFile(name)) return undefined;
  if (!existsSync(name)) throw new UsageError(`No such file: ${name} (--backbone)`);
  return { name: basename(name), weights: resolve(name) };
}

/** A model on this machine, downloaded if need be. @throws InputError where it cannot be had */
export async function fetchModel(
  { name, weights, fetch }: FoundModel,
  options: FetchOptions,
): Promise<Omit<FoundModel, 'fetch'>> {
  return { name, weights: fetch ? await fetchHubModel(weights, fetch.precision, options) : weights };
}

function hubName(name: string): string | undefined {
  const model = findHubModel(name);
  return model && `hf:${model.repository}`;
}

function isFile(name: string): boolean {
  return /\.onnx$/i.test(name);
}

function isFolder(name: string): boolean {
  return !lookUpBackbone(name) && statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A snapshot of a repository, as git or huggingface_hub leaves it. */
function modelInFolder(folder: string, precision: ModelPrecision): FoundModel {
  const below = (path: string) => (existsSync(join(folder, path)) ? readdirSync(join(folder, path)) : []);
  const files = [...below('.'), ...below('onnx').map((file) => `onnx/${file}`)];
  const file = chooseModel(files, precision, folder);
  return { name: `${basename(resolve(folder))}/${basename(file)}`, weights: resolve(folder, file) };
}
