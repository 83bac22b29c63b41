/** Features for a program: what `permafrost extract` does, without its printing. */
import { parseAugmentation } from '../shared/augment/augmentation.ts';
import { requestedColumns } from '../shared/backbones/depths.ts';
import { POOLING_NAMES } from '../shared/backbones/pooling.ts';
import type { BackboneRequest } from '../shared/backbones/thread/protocol.ts';
import { DEVICES, ENGINE_NAMES } from '../shared/engines/engine.ts';
import { UsageError, usage } from '../shared/errors.ts';
import { FITS, INTERPOLATIONS, MAX_PIXELS, type Size } from '../shared/images/resize.ts';
import { MANIFEST_CHECKS } from '../shared/manifest/check.ts';
import { ROLES } from '../shared/manifest/columns.ts';
import {
  type Check,
  CONTEXT_CHECKS,
  type FieldNames,
  fields,
  listOf,
  namingFields,
  OPTIONS,
  ofKind,
  reportingFields,
  text,
} from '../shared/options.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { DTYPES, type Dtype, type Shard } from '../shared/store/schema.ts';
import { choice, toggle, wholeNumber } from '../shared/values.ts';
import { type Dataset, type DatasetOptions, openDataset as openData } from './dataset/dataset.ts';
import { type ExtractSummary, extract as run } from './extract.ts';
import { parseMaxErrors } from './failures.ts';
import { distinctNetworks, EXTRACT_DEFAULTS, targetsOf } from './networks.ts';
import { takeShard } from './shard.ts';

/** A backbone and how images come to it; what is left out is as the command has it. */
export interface BackboneOptions extends Partial<BackboneRequest> {
  /** As `permafrost backbones` lists it, or the path of an .onnx file. */
  name: string;
  /**
   * As after `--layer`: `depths`, `last` and names of layers, of which each pooling makes a column. Default: depths of a
   * network of permafrost, last of an .onnx file; beside poolings none, which then name the columns themselves.
   */
  layers?: readonly string[];
}

export interface ExtractOptions {
  /** As after `--data`, or a data set that {@link openDataset} listed, which stays open. */
  data: string | Dataset;
  /** One or several, each with a store of its own; default: efficientnet_lite0. */
  backbone?: string | BackboneOptions | readonly (string | BackboneOptions)[];
  /** Folder of the store, or of one for each of several backbones; default: `cache/<data>/<backbone>`. */
  out?: string;
  /** Which part of the images; default: all. */
  shard?: Shard;
  /** Default: float32. */
  dtype?: Dtype;
  /** Views of each image, like `4:flip,rotate=30`; default: none. */
  augment?: string;
  /** Which views `augment` draws; default: 0. */
  seed?: number;
  /** Images in one run of a backbone; default: 16. */
  batchSize?: number;
  /** Images read and decoded at a time; default: twice the number of cores. */
  concurrency?: number;
  /** Whether every image is read again, even where its size and dates say that it is as it was. */
  rehash?: boolean;
  /** What happens when an image cannot be used; default: skip. */
  onError?: 'skip' | 'fail';
  /** Failures that are still put up with, a number or a share like `5%`; default: any, as long as not all fail. */
  maxErrors?: number | string;
}

const atLeast1 = ofKind(wholeNumber(1));

const size: Check = (value, where) => {
  fields({ width: atLeast1, height: atLeast1 }, ['width', 'height'])(value, where);
  const { width, height } = value as Size;
  if (width * height > MAX_PIXELS) throw usage('at most 8192x8192 pixels', where, value);
};

const BACKBONE_CHECKS: Readonly<Record<keyof BackboneOptions, Check>> = {
  name: text,
  weights: text,
  size,
  resize: fields({
    fit: ofKind(choice(FITS)),
    interpolation: ofKind(choice(INTERPOLATIONS)),
    edge: atLeast1,
  }),
  preprocess: text,
  poolings: listOf(
    (value, where) => {
      text(value, where);
      const column = value as string;
      ofKind(choice(POOLING_NAMES))(column.slice(column.lastIndexOf('/') + 1), where);
    },
    { min: 1 },
  ),
  layers: listOf(text, { min: 1 }),
  engine: ofKind(choice(ENGINE_NAMES)),
  device: ofKind(choice(DEVICES)),
};
const BACKBONE = fields(BACKBONE_CHECKS, ['name']);
const backbone: Check = (value, where) => (typeof value === 'string' ? text : BACKBONE)(value, where);

const EXTRACT_CHECKS: Readonly<Record<keyof ExtractOptions, Check>> = {
  data(value, where) {
    if (typeof value === 'object' && value !== null && 'images' in value && 'source' in value) return;
    text(value, where);
  },
  backbone: (value, where) => (Array.isArray(value) ? listOf(backbone, { min: 1 }) : backbone)(value, where),
  out: text,
  shard(value, where) {
    fields({ index: atLeast1, of: atLeast1 }, ['index', 'of'])(value, where);
    const { index, of } = value as Shard;
    if (index > of) throw usage('an index of at most `of`', where, value);
  },
  dtype: ofKind(choice(DTYPES)),
  augment: text,
  seed: ofKind(wholeNumber(0)),
  batchSize: atLeast1,
  concurrency: atLeast1,
  rehash: ofKind(toggle),
  onError: ofKind(choice(['skip', 'fail'])),
  maxErrors: (value, where) => (typeof value === 'string' ? text : ofKind(wholeNumber(0)))(value, where),
};

const DATASET_CHECKS: Readonly<Record<keyof DatasetOptions, Check>> = {
  data: text,
  root: text,
  follow: ofKind(toggle),
  labelLevel: atLeast1,
  ...MANIFEST_CHECKS,
  stdin(value, where) {
    if (typeof value !== 'object' || value === null || !('read' in value))
      throw usage('a stream', where, value);
  },
};

const DATASET_FIELDS: FieldNames = {
  ...Object.fromEntries(ROLES.map((role) => [`${role}-column`, `columns.${role}`])),
  'label-separator': 'separator',
};

const EXTRACT_FIELDS: FieldNames = {
  ...Object.fromEntries(
    ['weights', 'preprocess', 'size', 'engine', 'device'].map((name) => [name, `backbone.${name}`]),
  ),
  pooling: 'backbone.poolings',
  layer: 'backbone.layers',
  resize: 'backbone.resize.fit',
  interpolation: 'backbone.resize.interpolation',
};

/** What ends the work early, and who is told about it. */
export interface ExtractContext {
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Computes the features of all images whose content is not in the stores yet, reading each image once for all
 * backbones, and leaves each store with exactly the dataset's rows in the dataset's order. However it ends, what was
 * computed is kept.
 * @param options all but `data` have the command's defaults
 * @returns one summary a backbone
 * @throws UsageError for options that cannot be, naming the field; InputError when no image can be used, too many
 *   fail, or a store is of another pipeline; the abort reason of `signal`
 */
export async function extract(
  options: ExtractOptions,
  context: ExtractContext = {},
): Promise<ExtractSummary[]> {
  fields(EXTRACT_CHECKS, ['data'])(options, OPTIONS);
  fields(CONTEXT_CHECKS)(context, OPTIONS);
  return namingFields(EXTRACT_FIELDS, async () => {
    const { data, out, shard, seed } = options;
    if (options.augment === undefined && seed !== undefined)
      throw new UsageError('--seed needs --augment, whose views it draws');
    const augment =
      options.augment === undefined ? undefined : parseAugmentation(options.augment, seed ?? 0, 'augment');
    const maxErrors = options.maxErrors === undefined ? undefined : parseMaxErrors(String(options.maxErrors));
    const networks = networksOf(options.backbone);
    const { signal } = context;
    const reporter = reportingFields(EXTRACT_FIELDS, context.reporter ?? silent);
    signal?.throwIfAborted();
    const opened = typeof data === 'string' ? await openData({ data }) : undefined;
    try {
      for (const note of opened?.notes ?? []) reporter.warn(note);
      const whole = opened ?? (data as Dataset);
      const dataset = shard ? takeShard(whole, shard) : whole;
      return await run(
        {
          dataset,
          jobs: targetsOf(networks, dataset, out),
          besideOthers: out === undefined && !shard,
          augment,
          maxErrors,
          rehash: options.rehash ?? false,
          dtype: options.dtype ?? EXTRACT_DEFAULTS.dtype,
          batchSize: options.batchSize ?? EXTRACT_DEFAULTS.batchSize,
          concurrency: options.concurrency ?? EXTRACT_DEFAULTS.concurrency,
          onError: options.onError ?? EXTRACT_DEFAULTS.onError,
        },
        { signal, reporter },
      );
    } finally {
      await opened?.source.close();
    }
  });
}

function networksOf(requested: ExtractOptions['backbone'] = EXTRACT_DEFAULTS.backbone): BackboneRequest[] {
  const named = [requested].flat().map((one) => (typeof one === 'string' ? { name: one } : one));
  return distinctNetworks<BackboneOptions>(named).map(({ poolings, layers, engine, ...network }) => ({
    ...network,
    poolings: columnsOf(network.name, poolings, layers),
    engine: engine ?? EXTRACT_DEFAULTS.engine,
  }));
}

function columnsOf(
  name: string,
  poolings: BackboneOptions['poolings'],
  layers: BackboneOptions['layers'],
): string[] {
  if (poolings && !layers) return poolings;
  const named = poolings?.filter((pooling) => pooling.includes('/')) ?? [];
  if (named.length > 0) throw usage('poolings without a layer beside layers', '--pooling', named);
  return requestedColumns(name, poolings ?? EXTRACT_DEFAULTS.poolings, layers);
}

/**
 * Lists a dataset without reading its images. An archive or a table stays open until `source.close()`.
 * @throws UsageError for options that cannot be, InputError when there is nothing at `data`, or nothing that can be
 *   read
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  return namingFields(DATASET_FIELDS, async () => {
    fields(DATASET_CHECKS, ['data'])(options, OPTIONS);
    return openData(options);
  });
}
