/** The command `permafrost extract`, also installed as `extract`. */
import { join } from 'node:path';
import { parseAugmentation } from '../shared/augment/augmentation.ts';
import { requestedColumns } from '../shared/backbones/depths.ts';
import { PIXEL_FORMS } from '../shared/backbones/model-file/pixels.ts';
import { POOLING_NAMES } from '../shared/backbones/pooling.ts';
import { runCommand } from '../shared/cli/command.ts';
import { batchSizeFlag, concurrencyFlag, engineFlag, jsonFlag } from '../shared/cli/common-flags.ts';
import { type Flags, onePath, oneValue, textFlag } from '../shared/cli/flags.ts';
import { manifestFlags, readManifestFlags } from '../shared/cli/manifest-flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { terminalReporter } from '../shared/cli/terminal.ts';
import { DEVICES, ENGINE_NAMES } from '../shared/engines/engine.ts';
import { UsageError, usage } from '../shared/errors.ts';
import { FITS, INTERPOLATIONS, MAX_PIXELS, type Size } from '../shared/images/resize.ts';
import { counted } from '../shared/plural.ts';
import { DTYPES } from '../shared/store/schema.ts';
import { choice, wholeNumber } from '../shared/values.ts';
import { openDataset } from './dataset/dataset.ts';
import type { ExtractSummary } from './extract.ts';
import { parseMaxErrors } from './failures.ts';
import { distinctNetworks, EXTRACT_DEFAULTS, targetsOf } from './networks.ts';
import { parseShard, takeShard } from './shard.ts';

const flags = {
  data: {
    ...textFlag,
    demandOption: true,
    description:
      'Folder of class folders, .csv/.tsv/.jsonl manifest, .zip/.tar/.tar.gz of either, .parquet/.arrow table with image bytes or a folder of such tables, glob, or - for paths on stdin',
  },
  root: {
    ...textFlag,
    description: 'Base folder of the paths in a manifest, a glob or stdin',
    defaultDescription: "the manifest's folder, else the working folder",
  },
  ...manifestFlags,
  'label-level': {
    ...textFlag,
    description: 'Which folder below --data names the class: 1 is the first',
    defaultDescription: "by the folders' names",
  },
  follow: {
    type: 'boolean',
    default: true,
    description: 'Follow links inside the data; --no-follow skips them',
  },
  backbone: {
    ...textFlag,
    array: true,
    description:
      'Backbone: resnet50, efficientnet_b0, convnext_tiny ... (permafrost backbones lists all), or an .onnx file; repeatable',
    defaultDescription: EXTRACT_DEFAULTS.backbone,
  },
  weights: {
    ...textFlag,
    default: EXTRACT_DEFAULTS.weights,
    description:
      'imagenet (downloaded once), a local .h5, .keras, .safetensors or TensorFlow.js model.json file, or none (random)',
  },
  preprocess: {
    ...textFlag,
    description: `Pixel normalisation for an .onnx file: ${PIXEL_FORMS}`,
    defaultDescription: 'from preprocessor_config.json beside it',
  },
  layer: {
    ...textFlag,
    description:
      'depths (the last layer and earlier ones: permafrost backbones NAME lists them), last, or layers by their Keras names or outputs of an .onnx file, separated by commas',
    defaultDescription: 'depths; last of an .onnx file',
  },
  pooling: {
    ...textFlag,
    default: EXTRACT_DEFAULTS.poolings.join(','),
    description: `Poolings, one column each, separated by commas: ${POOLING_NAMES.join(', ')}`,
  },
  size: { ...textFlag, description: 'Image size as WIDTHxHEIGHT', defaultDescription: "the backbone's own" },
  resize: {
    ...textFlag,
    description: `How an image with another aspect ratio is resized: ${FITS.join(', ')}`,
    defaultDescription: "stretch, or the ONNX model's own",
  },
  interpolation: {
    ...textFlag,
    description: `Interpolation: ${INTERPOLATIONS.join(', ')}`,
    defaultDescription: "bilinear, or the ONNX model's own",
  },
  augment: {
    ...textFlag,
    description:
      'Augmented views of each image, as in Keras: 4:flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2',
    defaultDescription: 'none',
  },
  seed: { ...textFlag, description: 'Seed of the views of --augment', defaultDescription: '0' },
  out: {
    ...textFlag,
    description: 'Folder of the feature store',
    defaultDescription: 'cache/<data>/<backbone>',
  },
  // 8, 16 and 32 are equally fast on two cores; the whole process takes 400, 500 and 760 MB.
  'batch-size': batchSizeFlag,
  concurrency: concurrencyFlag,
  engine: engineFlag,
  device: { ...textFlag, default: 'auto', description: `Compute device: ${DEVICES.join(', ')}` },
  dtype: {
    ...textFlag,
    default: EXTRACT_DEFAULTS.dtype,
    description: `Data type of stored features: ${DTYPES.join(', ')}`,
  },
  rehash: {
    type: 'boolean',
    default: false,
    description: 'Read every image again, even if its size and dates are unchanged',
  },
  shard: {
    ...textFlag,
    description: 'Extract only shard I of N: I/N, or auto (auto/N) in an array job',
  },
  'on-error': {
    ...textFlag,
    default: EXTRACT_DEFAULTS.onError,
    description: 'For an image that cannot be read: skip (and list it) or fail',
  },
  'max-errors': { ...textFlag, description: 'Stop when more than N images, or more than P%, cannot be read' },
  json: jsonFlag,
} as const;

/** `permafrost extract`. */
export const extractCommand: Command = {
  command: 'extract',
  describe: 'Compute the features of images once, with a frozen backbone',
  builder: flags,
  mainFlag: 'data',
  handler: (argv) => runCommand((signal) => run(argv, signal), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal): Promise<ExtractSummary | { runs: ExtractSummary[] }> {
  const size = oneValue(argv, 'size');
  const maxErrors = oneValue(argv, 'max-errors');
  const concurrency = oneValue(argv, 'concurrency') ?? String(EXTRACT_DEFAULTS.concurrency);
  const augment = oneValue(argv, 'augment');
  const seed = oneValue(argv, 'seed');
  if (augment === undefined && seed !== undefined)
    throw new UsageError('--seed needs --augment, whose views it draws');
  const settings = {
    augment:
      augment === undefined
        ? undefined
        : parseAugmentation(augment, wholeNumber(0).parse(seed ?? '0', '--seed')),
    dtype: choice(DTYPES).parse(oneValue(argv, 'dtype')!, '--dtype'),
    batchSize: wholeNumber(1).parse(oneValue(argv, 'batch-size')!, '--batch-size'),
    concurrency: wholeNumber(1).parse(concurrency, '--concurrency'),
    rehash: argv.rehash === true,
    onError: choice(['skip', 'fail']).parse(oneValue(argv, 'on-error')!, '--on-error'),
    maxErrors: maxErrors === undefined ? undefined : parseMaxErrors(maxErrors),
  };
  const backbone = {
    size: size === undefined ? undefined : parseSize(size),
    resize: {
      fit: given(argv, 'resize', FITS),
      interpolation: given(argv, 'interpolation', INTERPOLATIONS),
    },
    engine: choice(ENGINE_NAMES).parse(oneValue(argv, 'engine')!, '--engine'),
    device: choice(DEVICES).parse(oneValue(argv, 'device')!, '--device'),
  };
  const poolings = parsePoolings(oneValue(argv, 'pooling')!);
  const layers = oneValue(argv, 'layer');
  const networks = networksOf(argv).map((network) => ({
    ...network,
    poolings: parseColumns(network.name, poolings, layers),
  }));
  const out = onePath(argv, 'out');
  const root = onePath(argv, 'root');
  const labelLevel = oneValue(argv, 'label-level');
  const shardText = oneValue(argv, 'shard');
  const shard = shardText === undefined ? undefined : parseShard(shardText);

  const reporter = terminalReporter();
  const whole = await openDataset({
    data: onePath(argv, 'data')!,
    root,
    follow: argv.follow === true,
    labelLevel: labelLevel === undefined ? undefined : wholeNumber(1).parse(labelLevel, '--label-level'),
    ...readManifestFlags(argv),
  });
  try {
    const dataset = shard ? takeShard(whole, shard) : whole;
    const { images, classes, notes } = dataset;
    reporter.info(
      `${dataset.name}: ${counted(images.length, 'image')}, ${counted(classes.length, 'class', 'classes')}`,
    );
    for (const note of notes) reporter.warn(note);

    // Loaded once flags and data are known to be right: sharp and apache-arrow take most of the time to start.
    const { extract } = await import('./extract.ts');
    const requests = networks.map((network) => ({ ...backbone, ...network }));
    const jobs = targetsOf(requests, dataset, out);
    const besideOthers = out === undefined && !shard;
    const runs = await extract({ ...settings, dataset, jobs, besideOthers }, { signal, reporter });
    for (const summary of runs) {
      reporter.info(
        `${summary.out}: ${summary.computed} computed, ${summary.reused} reused, ${summary.failed} failed, ${summary.seconds} s`,
      );
      if (summary.failed > 0)
        reporter.warn(
          `${counted(summary.failed, 'image')} could not be read: see ${join(summary.out, 'errors.jsonl')}`,
        );
    }
    return runs.length === 1 ? runs[0] : { runs };
  } finally {
    await whole.source.close();
  }
}

/** The requested backbones, each once. */
function networksOf(argv: Flags) {
  const names = new Set([argv.backbone ?? EXTRACT_DEFAULTS.backbone].flat().map(String));
  const weights = oneValue(argv, 'weights')!;
  const preprocess = oneValue(argv, 'preprocess');
  return distinctNetworks(Array.from(names, (name) => ({ name, weights, preprocess })));
}

/** The value of a flag that may be left out: one of a few words. */
function given<V extends string>(argv: Flags, flag: string, choices: readonly V[]): V | undefined {
  const text = oneValue(argv, flag);
  return text === undefined ? undefined : choice(choices).parse(text, `--${flag}`);
}

function parseSize(text: string): Size {
  const [, width, height] = /^([1-9]\d*)x([1-9]\d*)$/.exec(text) ?? [];
  if (width === undefined) throw usage('WIDTHxHEIGHT', '--size', text);
  const size = { width: Number(width), height: Number(height) };
  if (size.width * size.height > MAX_PIXELS) throw usage('at most 8192x8192 pixels', '--size', text);
  return size;
}

function parsePoolings(text: string): string[] {
  const poolings = text.split(',').map((name) => choice(POOLING_NAMES).parse(name.trim(), '--pooling'));
  if (new Set(poolings).size < poolings.length) throw usage('each pooling once', '--pooling', text);
  return poolings;
}

function parseColumns(backbone: string, poolings: readonly string[], layers: string | undefined): string[] {
  return requestedColumns(
    backbone,
    poolings,
    layers?.split(',').map((name) => name.trim()),
  );
}
