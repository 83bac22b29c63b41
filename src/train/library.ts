/** A sweep and the folder it leaves: what `permafrost train-head` does, without its printing. */

import { openCheckpoint } from '../shared/checkpoint/writer.ts';
import { splitRatios } from '../shared/dataset/splits.ts';
import { namingFields, reportingFields } from '../shared/field-names.ts';
import { CONTEXT_CHECKS, fields, OPTIONS } from '../shared/options.ts';
import { counted, plural } from '../shared/plural.ts';
import { saveReport } from '../shared/report/save.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { summarise, type TrainSummary } from '../shared/results/summary.ts';
import type { Training } from '../shared/results/training.ts';
import { writeRun } from '../shared/results/write.ts';
import { checkValue, text } from '../shared/values.ts';
import { checkImages, checkTrainOptions, TRAIN_FIELDS } from './options/check.ts';
import type { Grid } from './options/grid.ts';
import { sweepOptions, type TrainHeadsOptions, type TrainOptions } from './options/train-options.ts';
import { parseGrid } from './search/grid.ts';
import { planTraining, runPlan, train } from './train.ts';

/** What ends the work early, and who is told about it. */
export interface TrainContext {
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Trains heads on stored features and chooses the best. When `signal` aborts, the heads trained so far are chosen
 * from (`interrupted` says so); calling it again with the same options and `out` goes on from there.
 * @param options all but `source` have the command's defaults
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each
 *   other or are none, naming the field; the abort reason of `signal` where no head was chosen
 */
export async function trainHeads(options: TrainHeadsOptions, context: TrainContext = {}): Promise<Training> {
  await namingFields(TRAIN_FIELDS, async () => checkTrainOptions(options));
  fields(CONTEXT_CHECKS)(context, OPTIONS);
  const { signal = new AbortController().signal, reporter = silent } = context;
  const { out, report, images, spreadsheetSafe, ...given } = options;
  const split = given.split && splitRatios(given.split, 'split', given.split);
  const sweep = sweepOptions({ ...given, ...(split && { split }) });
  const watched = { signal, reporter: reportingFields(TRAIN_FIELDS, reporter) };
  return namingFields(TRAIN_FIELDS, async () => {
    if (out === undefined) return train(sweep, watched);
    await checkImages(images);
    const written = { report, images, spreadsheetSafe, folderFor: () => out };
    return (await trainInto({ ...sweep, ...written }, watched)).training;
  });
}

/** The grid of a text or a file, as after `--grid`. @throws as {@link parseGrid} does, naming the field */
export async function readGrid(specOrFile: string): Promise<Grid> {
  checkValue(text, specOrFile, 'grid');
  return namingFields(TRAIN_FIELDS, () => parseGrid(specOrFile));
}

export interface TrainIntoOptions
  extends TrainOptions,
    Pick<TrainHeadsOptions, 'report' | 'images' | 'spreadsheetSafe'> {
  /** The folder of the run, chosen when it is known which sweep it is: see holdsUnfinished. */
  folderFor(fingerprint: string): string;
}

/**
 * {@link trainHeads} with everything that it writes.
 * @param started when the run began, by performance.now(): what its total time is counted from
 */
export async function trainInto(
  { folderFor, report = true, images, spreadsheetSafe, ...options }: TrainIntoOptions,
  { signal, reporter }: Required<TrainContext>,
  started = performance.now(),
): Promise<{ training: Training; summary: TrainSummary }> {
  const plan = await planTraining(options, { signal, reporter });
  const [{ config }] = plan.configurations;
  const out = folderFor(plan.fingerprint);
  const checkpoint = await openCheckpoint(out, plan.fingerprint, config.monitor);
  try {
    const { length } = checkpoint.results;
    if (length > 0)
      reporter.info(
        `Resuming ${out}: ${counted(length, 'head')} ${plural(length, 'is', 'are')} already trained`,
      );
    const training = await runPlan(plan, { checkpoint, watchTraining: report, out }, { signal, reporter });
    const summary = summarise(out, training, (performance.now() - started) / 1000);
    await writeRun(out, training, summary, { spreadsheetSafe });
    if (report) await saveReport(out, training, images, reporter);
    if (!training.interrupted) checkpoint.finish();
    return { training, summary };
  } finally {
    checkpoint.close();
  }
}
