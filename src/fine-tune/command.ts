/** The command `permafrost fine-tune`. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Interrupted, runCommand } from '../shared/cli/command.ts';
import { type Flags, givenFlags, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { describeFinding } from '../shared/diagnosis/diagnose.ts';
import { TAIL_OPTIONS } from '../shared/head/tail-settings.ts';
import { byField } from '../shared/options.ts';
import { counted } from '../shared/plural.ts';
import type { Reporter } from '../shared/reporter.ts';
import { BEST_FOLDER } from '../shared/results/summary.ts';
import { leaderboardTable, metricsTable } from '../shared/results/tables.ts';
import { FINE_TUNE_OPTIONS, type FineTuneOptions, RUN_OPTIONS, TRAINING_OPTIONS } from './options.ts';
import type { Tuning } from './review.ts';
import { parseTailGrid } from './search/grid.ts';
import type { FineTuneSummary } from './summary.ts';
import { tuneOptions } from './tune-options.ts';

/** `permafrost fine-tune`. */
export const fineTuneCommand: Command = {
  command: 'fine-tune',
  describe: 'Train the end of a backbone with its head, from activations that are computed once',
  options: FINE_TUNE_OPTIONS,
  mainFlag: 'head',
  handler: (argv) => runCommand((signal, reporter) => run(argv, signal, reporter), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal, reporter: Reporter): Promise<FineTuneSummary> {
  const started = performance.now();
  const { grid, out, report, spreadsheetSafe, json: _, ...values } = readFlags(RUN_OPTIONS, argv);
  const given = byField<FineTuneOptions>(RUN_OPTIONS, values);
  const options = tuneOptions({
    ...given,
    tail: givenFlags(TAIL_OPTIONS, argv),
    training: givenFlags(TRAINING_OPTIONS, argv),
    ...(grid !== undefined && { grid: await parseTailGrid(grid) }),
  });
  // Loaded once the flags are known to be right: with it comes apache-arrow, most of the time a command takes to start.
  const [{ tuneInto }, { holdsUnfinished }] = await Promise.all([
    import('./library.ts'),
    import('../shared/checkpoint/writer.ts'),
  ]);
  const folderFor = (fingerprint: string): string =>
    out ?? freeFolder(join('runs', runName(options.head)), (dir) => holdsUnfinished(dir, fingerprint));
  const { tuning, summary } = await tuneInto(
    options,
    { report, spreadsheetSafe, folderFor },
    { signal, reporter },
    started,
  ).catch((thrown: unknown) => {
    if (!signal.aborted || thrown !== signal.reason) throw thrown;
    throw new Interrupted('Interrupted before an epoch was trained: the same command resumes from there');
  });
  for (const finding of tuning.diagnosis) reporter.info(describeFinding(finding));
  process.stdout.write(`${describe(tuning, summary)}\n`);
  if (tuning.interrupted)
    throw new Interrupted(
      `Interrupted: the best so far is in ${summary.out}; the same command resumes from there`,
    );
  return summary;
}

/** `runs/photos/best` gives photos-fine-tuned. */
function runName(head: string): string {
  return `${basename(dirname(resolve(head)))}-fine-tuned`;
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
function describe(tuning: Tuning, summary: FineTuneSummary): string {
  const { results, best, start, baseline, evaluated, tail } = tuning;
  const width = process.stdout.columns ?? 120;
  const { result } = best;
  const columns = {
    'best head, validation': result.val,
    'start, validation': start.val,
    ...(result.test && start.test && { 'best head, test': result.test, 'start, test': start.test }),
    [`majority baseline, ${SPLIT_NAMES[evaluated.split]}`]: baseline,
  };
  const kept = tail
    ? ''
    : 'No fine-tuning is better on validation by more than one standard error: the start was kept.\n';
  return [
    leaderboardTable(results, { metric: result.config.monitor, width }),
    '',
    metricsTable(columns, width),
    '',
    `${kept}${counted(summary.heads, 'training')} in ${summary.seconds} s, ${summary.trainedParameters} parameters trained from ${summary.from}. Best head: ${join(summary.out, BEST_FOLDER)}`,
  ].join('\n');
}
