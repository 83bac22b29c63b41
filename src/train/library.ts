/** A sweep and the folder it leaves: what `permafrost train-head` does, without its printing. */
import { type Reporter, silent } from '../shared/cli/terminal.ts';
import { counted, plural } from '../shared/plural.ts';
import { openRecorder } from './checkpoint/writer.ts';
import type { TrainOptions } from './options/train-options.ts';
import { saveReport } from './report/save.ts';
import { summarise, type TrainSummary } from './results/summary.ts';
import type { Training } from './results/training.ts';
import { writeRun } from './results/write.ts';
import { planTraining, runPlan, train } from './train.ts';

export interface TrainHeadsOptions extends TrainOptions {
  /**
   * Folder of the run, with the files that the command writes; one that an unfinished sweep with the same options
   * left there is gone on with. Default: nothing is written.
   */
  out?: string;
  /** With `out`: whether report.html is written; default: true. */
  report?: boolean;
  /** Folder that the images of the stores are in, for the report; default: where extract found them. */
  images?: string;
  /** With `out`: an apostrophe before text in CSV files that a spreadsheet would run as a formula; default: no. */
  spreadsheetSafe?: boolean;
}

interface Context {
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Trains heads on stored features and chooses the best. When `signal` aborts, the heads trained so far are chosen
 * from (`interrupted` says so); calling it again with the same options and `out` goes on from there.
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each
 *   other, the abort reason of `signal` where no head was chosen
 */
export async function trainHeads(
  { out, ...options }: TrainHeadsOptions,
  { signal = new AbortController().signal, reporter = silent }: Context = {},
): Promise<Training> {
  if (out !== undefined)
    return (await trainInto({ ...options, folderFor: () => out }, { signal, reporter })).training;
  const { report: _, images: __, spreadsheetSafe: ___, ...sweep } = options;
  return train(sweep, { signal, reporter });
}

export interface TrainIntoOptions extends Omit<TrainHeadsOptions, 'out'> {
  /** The folder of the run, chosen when it is known which sweep it is: see holdsUnfinished. */
  folderFor(fingerprint: string): string;
}

/**
 * {@link trainHeads} with everything that it writes.
 * @param started when the run began, by performance.now(): what its total time is counted from
 */
export async function trainInto(
  { folderFor, report = true, images, spreadsheetSafe, ...options }: TrainIntoOptions,
  { signal, reporter }: Required<Context>,
  started = performance.now(),
): Promise<{ training: Training; summary: TrainSummary }> {
  const plan = await planTraining(options, { signal, reporter });
  const [{ config }] = plan.configurations;
  const out = folderFor(plan.fingerprint);
  const checkpoint = await openRecorder(out, plan.fingerprint, config.monitor);
  try {
    const { length } = checkpoint.results;
    if (length > 0)
      reporter.info(
        `Resuming ${out}: ${counted(length, 'head')} ${plural(length, 'is', 'are')} trained already`,
      );
    const training = await runPlan(plan, { checkpoint, watchTraining: report }, { signal, reporter });
    const summary = summarise(out, training, (performance.now() - started) / 1000);
    await writeRun(out, training, summary, { spreadsheetSafe });
    if (report) await saveReport(out, training, images, reporter);
    if (!training.interrupted) checkpoint.finish();
    return { training, summary };
  } finally {
    checkpoint.close();
  }
}
