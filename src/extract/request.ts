/** From the options of a command or a program to what a run does: which backbones, on which images, to which folders. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseAugmentation } from '../shared/augment/augmentation.ts';
import { requestedColumns } from '../shared/backbones/depths.ts';
import { type FoundModel, fetchModel, findModel } from '../shared/backbones/model-file/find.ts';
import { parsePixels } from '../shared/backbones/model-file/pixels.ts';
import { isModelFile, modelFilePooling } from '../shared/backbones/model-file/request.ts';
import { BACKBONES, findBackbone } from '../shared/backbones/registry.ts';
import type { BackboneRequest } from '../shared/backbones/thread/protocol.ts';
import { UsageError, usage } from '../shared/errors.ts';
import { checkNeeds, defaultsOf, withDefaults } from '../shared/options.ts';
import type { Shard } from '../shared/store/schema.ts';
import type { FetchOptions } from '../shared/weights/hub/fetch.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { Extraction } from './extract.ts';
import { parseMaxErrors } from './failures.ts';
import type { JobRequest } from './job.ts';
import { BACKBONE_OPTIONS, type BackboneOptions, EXTRACT_OPTIONS, type RunOptions } from './options.ts';
import { shardFolder, takeShard } from './shard.ts';

/** A backbone, whose poolings are its family's where there are none. */
export interface RequestedNetwork extends BackboneRequest, Pick<FoundModel, 'fetch'> {}

/** What a run is to do, as far as that is known without its images. */
export interface ExtractRequest {
  networks: RequestedNetwork[];
  out: string | undefined;
  shard: Shard | undefined;
  settings: Omit<Extraction, 'dataset' | 'jobs'>;
}

/**
 * Reads the options of a run.
 * @throws UsageError for a backbone that is none, or options that mean nothing beside the others
 */
export function extractRequest(options: RunOptions): ExtractRequest {
  checkNeeds(EXTRACT_OPTIONS, options, options);
  const { backbone, out, shard, augment, seed, maxErrors, ...settings } = withDefaults(
    EXTRACT_OPTIONS,
    options,
  );
  return {
    networks: networksOf(backbone),
    out,
    shard,
    settings: {
      ...settings,
      besideOthers: out === undefined && !shard,
      augment: augment === undefined ? undefined : parseAugmentation(augment, seed),
      maxErrors: maxErrors === undefined ? undefined : parseMaxErrors(String(maxErrors)),
    },
  };
}

/**
 * What extract.ts does for a request on images, its models downloaded.
 * @throws UsageError when there are more shards than images, InputError where a model cannot be had
 */
export async function extractionOf(
  { networks, out, shard, settings }: ExtractRequest,
  whole: Dataset,
  context: FetchOptions,
): Promise<Extraction> {
  const dataset = shard ? takeShard(whole, shard) : whole;
  const fetched: BackboneRequest[] = [];
  for (const { fetch, ...network } of networks) {
    const { weights } = await fetchModel({ ...network, fetch }, context);
    const poolings = network.poolings.length > 0 ? network.poolings : [modelFilePooling(weights)];
    fetched.push({ ...network, weights, poolings });
  }
  return { ...settings, dataset, jobs: jobsOf(fetched, dataset, out) };
}

const DEFAULTS = defaultsOf(BACKBONE_OPTIONS);

function networksOf(requested: RunOptions['backbone'] = DEFAULTS.backbone): RequestedNetwork[] {
  const named = [requested].flat().map((one) => (typeof one === 'string' ? { name: one } : one));
  return distinctNetworks(named).map(({ poolings, layers, engine, device, precision: _, ...network }) => ({
    ...network,
    engine: engine ?? DEFAULTS.engine,
    device: device ?? DEFAULTS.device,
    poolings: columnsOf(network.name, poolings, layers),
  }));
}

function columnsOf(
  name: string,
  poolings: BackboneOptions['poolings'],
  layers: BackboneOptions['layers'],
): string[] {
  if (poolings && new Set(poolings).size < poolings.length)
    throw usage('each pooling once', '--pooling', poolings);
  if (poolings && !layers) return poolings;
  const named = poolings?.filter((pooling) => pooling.includes('/')) ?? [];
  if (named.length > 0) throw usage('poolings without layers where layers is given', '--pooling', named);
  if (!poolings && !layers && isModelFile(name)) return [];
  return requestedColumns(name, poolings ?? DEFAULTS.pooling, layers);
}

type Network = Pick<RequestedNetwork, 'name' | 'weights' | 'preprocess' | 'fetch'>;

/**
 * The requested backbones, each once.
 * @throws UsageError for a name that is none, or weights or pixels that do not go with it
 */
export function distinctNetworks(requested: readonly BackboneOptions[]): (BackboneOptions & Network)[] {
  const networks = new Map(
    requested.map((request) => {
      const network = { ...request, ...networkOf(request) };
      return [`${network.name} ${network.weights}`, network];
    }),
  );
  const names = new Set([...networks.values()].map(({ name }) => name));
  if (names.size < networks.size)
    throw usage(
      'files with different names',
      '--backbone',
      requested.map(({ name }) => name),
    );
  return [...networks.values()];
}

function networkOf({ name, weights = DEFAULTS.weights, preprocess, precision }: BackboneOptions): Network {
  if (preprocess !== undefined) parsePixels(preprocess);
  const refuseWeights = () => {
    if (weights !== DEFAULTS.weights)
      throw new UsageError(
        `--weights ${weights} cannot be combined with ${name}, which holds its own weights`,
      );
  };
  refuseHead(name);
  if (isModelFile(name)) refuseWeights();
  const model = findModel(name, precision);
  if (model) {
    refuseWeights();
    return { ...model, preprocess };
  }
  if (preprocess !== undefined)
    throw new UsageError('--preprocess is for .onnx files; other backbones include their own');
  return { name: findBackbone(name).name, weights };
}

/** Refuses the folder of a head, which is easily taken for a backbone where its end was trained. */
function refuseHead(name: string): void {
  if (!BACKBONES.has(name) && existsSync(join(name, 'head.json')))
    throw new UsageError(
      `--backbone ${name} is a trained head: extract takes backbones alone; use the head with predict, serve or export`,
    );
}

/** Folders of stores: of one backbone `out`, of several folders in it; default: `cache/<data>/<backbone>`. */
export function jobsOf(
  networks: readonly BackboneRequest[],
  { name: data, shard }: Pick<Dataset, 'name' | 'shard'>,
  out: string | undefined,
): JobRequest[] {
  return networks.map((backbone) => {
    const name = folderName(backbone.name);
    const store = out === undefined ? join('cache', data, name) : networks.length > 1 ? join(out, name) : out;
    return { backbone, out: shard ? join(store, shardFolder(shard)) : store };
  });
}

/** `model` of model.onnx, `ORG--NAME` of hf:ORG/NAME. */
function folderName(backbone: string): string {
  return backbone
    .replace(/^hf:/, '')
    .replace(/\.onnx$/i, '')
    .replace(/[\\/:]+/g, '--');
}
