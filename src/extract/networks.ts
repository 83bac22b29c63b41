/** Which backbones a run computes features with, and where those go. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parsePixels } from '../shared/backbones/model-file/pixels.ts';
import { isModelFile, modelFileRequest } from '../shared/backbones/model-file/request.ts';
import { BACKBONES, findBackbone } from '../shared/backbones/registry.ts';
import type { BackboneRequest } from '../shared/backbones/thread/protocol.ts';
import { UsageError, usage } from '../shared/errors.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { JobRequest } from './job.ts';
import { shardFolder } from './shard.ts';

const [backbone] = BACKBONES.keys();

/** What is not said, after flags or by a program. */
export const EXTRACT_DEFAULTS = {
  backbone,
  weights: 'imagenet',
  poolings: ['avg'],
  engine: 'auto',
  dtype: 'float32',
  batchSize: 16,
  concurrency: 2 * availableParallelism(),
  onError: 'skip',
} as const;

type Network = Pick<BackboneRequest, 'name' | 'weights' | 'preprocess'>;

/**
 * The requested backbones, each once.
 * @throws UsageError for a name that is none, or weights or pixels that do not go with it
 */
export function distinctNetworks<N extends Pick<Network, 'name'> & Partial<Network>>(
  requested: readonly N[],
): (N & Network)[] {
  const networks = new Map(
    requested.map((request) => {
      const network = { ...request, ...networkOf(request) };
      return [`${network.name} ${network.weights}`, network];
    }),
  );
  const names = new Set([...networks.values()].map(({ name }) => name));
  if (names.size < networks.size)
    throw usage(
      'files of different names',
      '--backbone',
      requested.map(({ name }) => name),
    );
  return [...networks.values()];
}

function networkOf({
  name,
  weights = EXTRACT_DEFAULTS.weights,
  preprocess,
}: Partial<Network> & Pick<Network, 'name'>) {
  if (preprocess !== undefined) parsePixels(preprocess);
  if (isModelFile(name)) {
    if (weights !== EXTRACT_DEFAULTS.weights)
      throw new UsageError(`--weights ${weights} does not go with ${name}, which holds its own weights`);
    return { ...modelFileRequest(name), preprocess };
  }
  if (preprocess !== undefined)
    throw new UsageError('--preprocess is for .onnx files; other backbones know their own');
  return { name: findBackbone(name).name, weights };
}

/** Folders of stores: of one backbone `out`, of several folders in it; default: `cache/<data>/<backbone>`. */
export function targetsOf(
  networks: readonly BackboneRequest[],
  { name: data, shard }: Pick<Dataset, 'name' | 'shard'>,
  out: string | undefined,
): JobRequest[] {
  return networks.map((backbone) => {
    const name = backbone.name.replace(/\.onnx$/i, '');
    const store = out === undefined ? join('cache', data, name) : networks.length > 1 ? join(out, name) : out;
    return { backbone, out: shard ? join(store, shardFolder(shard)) : store };
  });
}
