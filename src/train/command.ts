/** The command `permafrost train-head`, also installed as `train-head`. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Interrupted, runCommand } from '../shared/cli/command.ts';
import { type Flags, givenFlags, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { describeFinding } from '../shared/diagnosis/diagnose.ts';
import { HEAD_OPTIONS } from '../shared/head/options.ts';
import { confusionMatrix, perClass } from '../shared/metrics/per-class.ts';
import { byField } from '../shared/options.ts';
import { counted } from '../shared/plural.ts';
import type { Reporter } from '../shared/reporter.ts';
import { score } from '../shared/results/drawing.ts';
import { BEST_FOLDER, type TrainSummary } from '../shared/results/summary.ts';
import { confusionTable, leaderboardTable, metricsTable, perClassTable } from '../shared/results/tables.ts';
import type { Training } from '../shared/results/training.ts';
import { checkImages } from './options/check.ts';
import {
  type SweepRequest,
  sweepOptions,
  TRAIN_HEAD_OPTIONS,
  TRAIN_OPTIONS,
  type TrainOptions,
} from './options/train-options.ts';
import { parseGrid } from './search/grid.ts';
import { splitBySource } from './search/sources.ts';

/** `permafrost train-head`. */
export const trainHeadCommand: Command = {
  command: 'train-head',
  describe: 'Train heads on stored features, choose the best and evaluate it',
  options: TRAIN_HEAD_OPTIONS,
  mainFlag: 'features',
  handler: (argv) => runCommand((signal, reporter) => run(argv, signal, reporter), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal, reporter: Reporter): Promise<TrainSummary> {
  const started = performance.now();
  const { halving, halvingFactor, grid, out, images, report, spreadsheetSafe, ...values } = readFlags(
    TRAIN_OPTIONS,
    argv,
  );
  await checkImages(images);
  const { source, ...given } = byField<Omit<SweepRequest, 'head' | 'grid' | 'halving'>>(
    TRAIN_OPTIONS,
    values,
  );
  const options = sweepOptions({
    ...given,
    source: { ...source, features: values.features ?? [] },
    head: givenFlags(HEAD_OPTIONS, argv),
    ...(grid !== undefined && { grid: grid === '' ? 'default' : await parseGrid(grid) }),
    ...(halving && { halving: halvingFactor }),
  });
  // Loaded once the flags are known to be right: with it comes apache-arrow, most of the time a command takes to start.
  const [{ trainInto }, { holdsUnfinished }] = await Promise.all([
    import('./library.ts'),
    import('../shared/checkpoint/writer.ts'),
  ]);
  const { training, summary } = await trainInto(
    {
      ...options,
      report,
      spreadsheetSafe,
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

/** The stores that heads are trained on, each once. */
function storesOf({ source, grid = 'default' }: Pick<TrainOptions, 'source' | 'grid'>): string[] {
  const blocks = grid === 'default' ? [{}] : grid;
  return [...new Set(splitBySource(blocks, source).sources.flatMap(({ features }) => features))];
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
