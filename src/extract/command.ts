/** The command `permafrost extract`, also installed as `extract`. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { POOLING_NAMES } from '../shared/backbones/pooling.ts';
import { BACKBONES, findBackbone } from '../shared/backbones/registry.ts';
import { runCommand } from '../shared/cli/command.ts';
import type { Command } from '../shared/cli/program.ts';
import { terminalReporter } from '../shared/cli/terminal.ts';
import { choice, wholeNumber } from '../shared/cli/values.ts';
import { ENGINE_NAMES } from '../shared/engines/engine.ts';
import { usage } from '../shared/errors.ts';
import type { Size } from '../shared/images/decode.ts';
import { DTYPES } from '../shared/store/schema.ts';
import { openDataset } from './dataset/dataset.ts';
import { type ExtractSummary, extract } from './extract.ts';
import { parseMostFailures } from './failures.ts';

const [DEFAULT_BACKBONE] = BACKBONES.keys();

/** Values stay text until they are read below, so that every refusal is in the same grammar. */
const text = { type: 'string', requiresArg: true } as const;

const flags = {
  data: {
    ...text,
    demandOption: true,
    description: 'Folder of class folders, or a .csv, .tsv or .jsonl manifest',
  },
  root: {
    ...text,
    description: "What a manifest's paths are relative to",
    defaultDescription: "the manifest's folder",
  },
  backbone: {
    ...text,
    array: true,
    description: `Repeatable: ${[...BACKBONES.keys()].join(', ')}`,
    defaultDescription: DEFAULT_BACKBONE,
  },
  weights: {
    ...text,
    default: 'imagenet',
    description: 'imagenet, a local .h5 or .safetensors file, or none (seeded)',
  },
  pooling: {
    ...text,
    default: 'avg',
    description: `One column each, joined by commas: ${POOLING_NAMES.join(', ')}`,
  },
  size: { ...text, description: 'Image size as WIDTHxHEIGHT', defaultDescription: "the backbone's own" },
  out: { ...text, description: 'Folder of the feature store', defaultDescription: 'cache/<data>/<backbone>' },
  // 8, 16 and 32 are equally fast on two cores; the whole process takes 400, 500 and 760 MB.
  'batch-size': { ...text, default: '16', description: 'Images in one run of the backbone' },
  concurrency: {
    ...text,
    description: 'Images read and decoded at a time',
    defaultDescription: 'twice the number of cores',
  },
  engine: { ...text, default: 'auto', description: `What computes: ${ENGINE_NAMES.join(', ')}` },
  device: { ...text, default: 'auto', description: 'Where it computes: auto, cpu' },
  dtype: { ...text, default: 'float32', description: `What features are stored in: ${DTYPES.join(', ')}` },
  'on-error': {
    ...text,
    default: 'skip',
    description: 'An image that cannot be used: skip (and list it) or fail',
  },
  'max-errors': { ...text, description: 'Stop when more images than N, or more than P%, cannot be used' },
  json: {
    type: 'boolean',
    default: false,
    description: 'Print a summary as JSON, as the last line of stdout',
  },
} as const;

type Flags = Readonly<Record<string, unknown>>;

/** `permafrost extract`. */
export const extractCommand: Command = {
  command: 'extract',
  describe: 'Compute the features of a folder of images once, with a frozen backbone',
  builder: flags,
  handler: (argv) => runCommand((signal) => run(argv, signal), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal): Promise<ExtractSummary | { runs: ExtractSummary[] }> {
  const size = one(argv, 'size');
  const mostErrors = one(argv, 'max-errors');
  const concurrency = one(argv, 'concurrency') ?? String(2 * availableParallelism());
  choice(['auto', 'cpu']).parse(one(argv, 'device')!, '--device');
  const settings = {
    dtype: choice(DTYPES).parse(one(argv, 'dtype')!, '--dtype'),
    batchSize: wholeNumber(1).parse(one(argv, 'batch-size')!, '--batch-size'),
    concurrency: wholeNumber(1).parse(concurrency, '--concurrency'),
    onError: choice(['skip', 'fail']).parse(one(argv, 'on-error')!, '--on-error'),
    mostFailures: mostErrors === undefined ? undefined : parseMostFailures(mostErrors),
  };
  const backbone = {
    weights: one(argv, 'weights')!,
    size: size === undefined ? undefined : parseSize(size),
    poolings: parsePoolings(one(argv, 'pooling')!),
    engine: choice(ENGINE_NAMES).parse(one(argv, 'engine')!, '--engine'),
  };
  const names = [argv.backbone ?? DEFAULT_BACKBONE].flat().map((name) => findBackbone(String(name)).name);
  const out = one(argv, 'out');
  const root = one(argv, 'root');

  const reporter = terminalReporter();
  const dataset = await openDataset({ data: one(argv, 'data')!, root });
  const { images, classes, notes } = dataset;
  reporter.info(`${dataset.name}: ${images.length} images, ${classes.length} classes`);
  for (const note of notes) reporter.warn(note);

  const runs: ExtractSummary[] = [];
  for (const name of new Set(names)) {
    const folder =
      out === undefined ? join('cache', dataset.name, name) : names.length > 1 ? join(out, name) : out;
    const options = { ...settings, dataset, backbone: { ...backbone, name }, out: folder };
    const summary = await extract(options, { signal, reporter });
    reporter.info(
      `${summary.out}: ${summary.computed} computed, ${summary.reused} reused, ${summary.failed} failed, ${summary.seconds} s`,
    );
    if (summary.failed > 0)
      reporter.warn(`${summary.failed} images could not be used: see ${join(folder, 'errors.jsonl')}`);
    runs.push(summary);
  }
  return runs.length === 1 ? runs[0] : { runs };
}

/** The value of a flag that may be given once. */
function one(argv: Flags, flag: keyof typeof flags): string | undefined {
  const value = argv[flag];
  if (value === undefined || typeof value === 'string') return value;
  throw usage('one value', `--${flag}`, value);
}

function parseSize(text: string): Size {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width === undefined) throw usage('WIDTHxHEIGHT', '--size', text);
  return { width: Number(width), height: Number(height) };
}

function parsePoolings(text: string): string[] {
  const poolings = text.split(',').map((name) => choice(POOLING_NAMES).parse(name.trim(), '--pooling'));
  if (new Set(poolings).size < poolings.length) throw usage('each pooling once', '--pooling', text);
  return poolings;
}
