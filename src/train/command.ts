/** The command `permafrost train-head`, also installed as `train-head`. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Interrupted, runCommand } from '../shared/cli/command.ts';
import { engineFlag, jsonFlag, spreadsheetSafeFlag } from '../shared/cli/common-flags.ts';
import { allPaths, type Flags, onePath, oneValue, textFlag } from '../shared/cli/flags.ts';
import { manifestFlags, readManifestFlags } from '../shared/cli/manifest-flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { terminalReporter } from '../shared/cli/terminal.ts';
import { parseNearDuplicates } from '../shared/dataset/leakage.ts';
import type { SourceRequest } from '../shared/dataset/source-options.ts';
import { DEFAULT_SPLIT, parseSplit } from '../shared/dataset/splits.ts';
import { describeFinding } from '../shared/diagnosis/diagnose.ts';
import { ENGINE_NAMES } from '../shared/engines/engine.ts';
import { UsageError } from '../shared/errors.ts';
import { headFlags, readHeadFlags } from '../shared/head/flags.ts';
import { confusionMatrix, perClass } from '../shared/metrics/per-class.ts';
import { counted } from '../shared/plural.ts';
import { score } from '../shared/results/drawing.ts';
import { BEST_FOLDER, type TrainSummary } from '../shared/results/summary.ts';
import { confusionTable, leaderboardTable, metricsTable, perClassTable } from '../shared/results/tables.ts';
import type { Training } from '../shared/results/training.ts';
import { byteSize, choice } from '../shared/values.ts';
import { COUNTS, checkImages, TASKS, TRAIN_DEFAULTS } from './options/check.ts';
import type { Grid } from './options/grid.ts';
import { DEFAULT_GRID, parseGrid } from './search/grid.ts';
import { splitBySource } from './search/sources.ts';

/** Successive halving keeps 1/N of the heads at each rung (Li et al. 2018 use 3 or 4). */
const HALVING_FACTOR = 3;

const flags = {
  features: {
    ...textFlag,
    array: true,
    description:
      'Feature store written by extract; several are concatenated image by image. To compare stores: --grid "features=DIR,DIR"',
  },
  pooling: {
    ...textFlag,
    description: 'Columns of the stores to use, separated by commas',
    defaultDescription: 'avg',
  },
  labels: {
    ...textFlag,
    description:
      'Labels from a .csv, .tsv or .jsonl file (columns path and label) instead of the stored ones',
  },
  ...manifestFlags,
  'near-duplicates': {
    type: 'string',
    description:
      'Keep near-duplicates (re-encoded, resized) in the same split; optional value: how many bits of their hashes may differ',
  },
  'stable-split': {
    type: 'boolean',
    default: false,
    description:
      "An image's split depends only on its content and the seed, and never changes when images are added; not stratified",
  },
  task: { ...textFlag, default: 'auto', description: 'auto (from the labels), multiclass or multilabel' },
  split: {
    ...textFlag,
    default: DEFAULT_SPLIT.join('/'),
    description: 'Training/validation/test percentages; data that come with a split keep it',
  },
  grid: {
    type: 'string',
    description:
      'Sweep over a grid: "lr=1e-2,1e-3;hidden=none,256", a .yaml or .json file, or no value for the default grid',
  },
  random: {
    ...textFlag,
    description:
      'Train N random heads from the grid, which may have ranges (lr=log(1e-4..1e-1);dropout=0..0.5), or from the default search space',
  },
  seeds: {
    ...textFlag,
    default: '1',
    description: 'Train each head with N consecutive seeds and rank by the mean',
  },
  halving: {
    type: 'boolean',
    default: false,
    description:
      'Successive halving: train all heads for a few epochs, then repeatedly keep the best and train them for longer',
  },
  'halving-factor': {
    ...textFlag,
    description: 'With --halving, keep 1/N of the heads at each rung',
    defaultDescription: String(HALVING_FACTOR),
  },
  folds: {
    ...textFlag,
    description:
      'Cross-validate with K folds instead of one validation split, then train the best head on all folds',
  },
  'max-memory': {
    ...textFlag,
    description: 'Memory for features, such as 4GB; features that do not fit are read from disk in blocks',
    defaultDescription: '60 % of memory',
  },
  workers: {
    ...textFlag,
    description: 'Worker threads for training',
    defaultDescription: 'the number of cores',
  },
  engine: engineFlag,
  report: {
    type: 'boolean',
    default: true,
    description: 'Write report.html; --no-report skips it',
  },
  images: {
    ...textFlag,
    description: 'Folder of the images, for the thumbnails of the report',
    defaultDescription: 'where extract found them',
  },
  'spreadsheet-safe': spreadsheetSafeFlag,
  out: {
    ...textFlag,
    description: 'Folder of the run',
    defaultDescription: 'runs/<data>-<backbone>, numbered if taken',
  },
  json: jsonFlag,
} as const;

/** `permafrost train-head`. */
export const trainHeadCommand: Command = {
  command: 'train-head',
  describe: 'Train heads on stored features, choose the best and evaluate it',
  builder: { ...flags, ...headFlags() },
  mainFlag: 'features',
  handler: (argv) => runCommand((signal) => run(argv, signal), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal): Promise<TrainSummary> {
  const started = performance.now();
  const pooling = oneValue(argv, 'pooling');
  const labels = onePath(argv, 'labels');
  const manifest = readManifestFlags(argv);
  if (labels === undefined) refuseWithout('--labels', argv, Object.keys(manifestFlags));
  const images = await readImages(argv);
  const out = onePath(argv, 'out');
  const near = oneValue(argv, 'near-duplicates');
  const folds = oneValue(argv, 'folds');
  const random = oneValue(argv, 'random');
  const memory = oneValue(argv, 'max-memory');
  const options = {
    source: {
      features: allPaths(argv, 'features'),
      pooling: pooling?.split(',').map((name) => name.trim()) ?? [],
    },
    task: choice(TASKS).parse(oneValue(argv, 'task') ?? TRAIN_DEFAULTS.task, '--task'),
    ...(labels !== undefined && { labels: { file: labels, manifest } }),
    ...(near !== undefined && { nearDuplicates: parseNearDuplicates(near) }),
    stableSplit: argv['stable-split'] === true,
    split: parseSplit(oneValue(argv, 'split') ?? ''),
    head: readHeadFlags(argv),
    grid: await readGrid(oneValue(argv, 'grid')),
    ...(random !== undefined && { random: COUNTS.random.parse(random, '--random') }),
    seeds: COUNTS.seeds.parse(oneValue(argv, 'seeds') ?? '', '--seeds'),
    ...readHalving(argv),
    ...(folds !== undefined && { folds: COUNTS.folds.parse(folds, '--folds') }),
    ...(memory !== undefined && { maxMemory: byteSize.parse(memory, '--max-memory') }),
    workers: COUNTS.workers.parse(oneValue(argv, 'workers') ?? String(TRAIN_DEFAULTS.workers), '--workers'),
    engine: choice(ENGINE_NAMES).parse(oneValue(argv, 'engine') ?? TRAIN_DEFAULTS.engine, '--engine'),
  };
  // Loaded once the flags are known to be right: with it comes apache-arrow, most of the time a command takes to start.
  const [{ trainInto }, { holdsUnfinished }] = await Promise.all([
    import('./library.ts'),
    import('../shared/checkpoint/writer.ts'),
  ]);
  const reporter = terminalReporter();
  const { training, summary } = await trainInto(
    {
      ...options,
      report: argv.report !== false,
      spreadsheetSafe: argv['spreadsheet-safe'] === true,
      images,
      folderFor: (fingerprint) =>
        out ??
        freeFolder(join('runs', runName(storesOf(options))), (dir) => holdsUnfinished(dir, fingerprint)),
    },
    { signal, reporter },
    started,
  ).catch((thrown: unknown) => {
    if (!signal.aborted || thrown !== signal.reason) throw thrown;
    throw new Interrupted('Interrupted before a head was chosen: the same command resumes from there');
  });
  for (const finding of training.diagnosis) reporter.info(describeFinding(finding));
  process.stdout.write(`${describe(training, summary)}\n`);
  if (training.interrupted) {
    throw new Interrupted(
      `Interrupted: the heads trained so far are in ${summary.out}; the same command resumes from there`,
    );
  }
  return summary;
}

function readHalving(argv: Flags): { halving?: number } {
  if (argv.halving !== true) {
    refuseWithout('--halving', argv, ['halving-factor']);
    return {};
  }
  const factor = oneValue(argv, 'halving-factor') ?? String(HALVING_FACTOR);
  return { halving: COUNTS.halving.parse(factor, '--halving-factor') };
}

async function readImages(argv: Flags): Promise<string | undefined> {
  if (argv.report === false) refuseWithout('the report, which --no-report skips', argv, ['images']);
  const images = onePath(argv, 'images');
  await checkImages(images);
  return images;
}

/** @throws UsageError for flags that mean nothing beside the others */
function refuseWithout(needed: string, argv: Flags, flags: readonly string[]): void {
  const given = flags.find((flag) => argv[flag] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} needs ${needed}`);
}

/** Absent: one head. Alone: the default grid. */
async function readGrid(spec: string | undefined): Promise<Grid | undefined> {
  if (spec === undefined) return undefined;
  return spec === '' ? DEFAULT_GRID : parseGrid(spec);
}

/** The stores that heads are trained on, each once. */
function storesOf({ source, grid = [{}] }: { source: SourceRequest; grid?: Grid }): string[] {
  return [...new Set(splitBySource(grid, source).sources.flatMap(({ features }) => features))];
}

/** `cache/photos/resnet50` gives photos-resnet50. */
function runName(features: readonly string[]): string {
  const path = resolve(features[0]);
  const name = `${basename(dirname(path))}-${basename(path)}`;
  return features.length > 1 ? `${name}-and-${features.length - 1}-more` : name;
}

/** Earlier runs are never overwritten by a default name; an unfinished one is resumed. */
function freeFolder(name: string, isUnfinished: (folder: string) => boolean): string {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? name : `${name}-${number}`;
    if (!existsSync(folder) || readdirSync(folder).length === 0 || isUnfinished(folder)) return folder;
  }
}

const SPLIT_NAMES = { val: 'validation', test: 'test' } as const;

/** What the user came for, as text. */
function describe(training: Training, summary: TrainSummary): string {
  const { results, best, baseline, classes, evaluated, tuned, calibration } = training;
  const width = process.stdout.columns ?? 120;
  const { result } = best;
  const columns = {
    'best head, validation': result.val,
    ...(result.test && { 'best head, test': result.test }),
    ...(calibration.thresholds && {
      [`with thresholds, ${SPLIT_NAMES[evaluated.split]}`]: tuned[evaluated.split] ?? {},
    }),
    [`majority baseline, ${SPLIT_NAMES[evaluated.split]}`]: baseline,
  };
  return [
    leaderboardTable(results, { metric: result.config.monitor, width }),
    '',
    metricsTable(columns, width),
    ...confidenceLines(training),
    '',
    `Scores per class (${SPLIT_NAMES[evaluated.split]}):`,
    perClassTable(perClass(evaluated.evaluation, classes), width),
    '',
    confusionTable(classes, confusionMatrix(evaluated.evaluation), width),
    '',
    `${counted(summary.heads, 'head')} in ${summary.seconds} s. Best head: ${join(summary.out, BEST_FOLDER)}; all heads: ${join(summary.out, 'leaderboard.csv')}`,
  ].join('\n');
}

/** Top-k accuracies, and the calibration error without and with the temperature. */
function confidenceLines({ confidence, calibration: { temperature }, evaluated }: Training): string[] {
  if (!confidence || temperature === undefined) return [];
  const { topK, eceBefore, eceAfter } = confidence;
  return [
    ...Object.entries(topK).map(
      ([k, share]) => `Top-${k} accuracy ${score(share)} (${SPLIT_NAMES[evaluated.split]})`,
    ),
    `Expected calibration error ${score(eceBefore)}; with temperature ${temperature.toFixed(3)}: ${score(eceAfter)}`,
  ];
}
