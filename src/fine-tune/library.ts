/** A fine-tuning and the folder that it leaves: what `permafrost fine-tune` does, without its printing. */

import { openCheckpoint } from '../shared/checkpoint/writer.ts';
import { UsageError, usage } from '../shared/errors.ts';
import { fieldNamesOf, namingFields, reportingFields } from '../shared/field-names.ts';
import { CONTEXT_CHECKS, checkOptions, fields, OPTIONS } from '../shared/options.ts';
import { counted, plural } from '../shared/plural.ts';
import { saveReport } from '../shared/report/save.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { writeRun } from '../shared/results/write.ts';
import { checkValue, text } from '../shared/values.ts';
import { runTuning, tune } from './fine-tune.ts';
import { FINE_TUNE_OPTIONS, type FineTuneOptions } from './options.ts';
import { planTuning } from './plan.ts';
import type { Tuning } from './review.ts';
import { parseTailGrid, type TailGrid } from './search/grid.ts';
import { type FineTuneSummary, summariseTuning } from './summary.ts';
import { type TuneOptions, tuneOptions } from './tune-options.ts';

/** What ends the work early, and who is told about it. */
export interface FineTuneContext {
  signal?: AbortSignal;
  reporter?: Reporter;
}

const FINE_TUNE_FIELDS = fieldNamesOf(FINE_TUNE_OPTIONS);

/**
 * Trains the end of a head's backbone with the head, from activations that are computed once. When `signal` aborts, the best epoch
 * so far counts (`interrupted` says so); calling it again with the same options and `out` resumes.
 * @param options all but `head` have the command's defaults
 * @throws InputError for a head, a store or photos that cannot be read, UsageError for options that exclude each other or are none,
 *   naming the field; the abort reason of `signal` where nothing was trained
 */
export async function fineTune(options: FineTuneOptions, context: FineTuneContext = {}): Promise<Tuning> {
  await namingFields(FINE_TUNE_FIELDS, async () => checkFineTuneOptions(options));
  fields(CONTEXT_CHECKS)(context, OPTIONS);
  const { signal = new AbortController().signal, reporter = silent } = context;
  const watched = { signal, reporter: reportingFields(FINE_TUNE_FIELDS, reporter) };
  const { out, report, spreadsheetSafe, ...given } = options;
  const request = tuneOptions(given);
  return namingFields(FINE_TUNE_FIELDS, async () => {
    if (out === undefined) return tune(request, watched);
    const written = { report, spreadsheetSafe, folderFor: () => out };
    return (await tuneInto(request, written, watched)).tuning;
  });
}

/** The grid of a text or a file, as after `--grid`. @throws as {@link parseTailGrid} does, naming the field */
export async function readTailGrid(specOrFile: string): Promise<TailGrid> {
  checkValue(text, specOrFile, 'grid');
  return namingFields(FINE_TUNE_FIELDS, () => parseTailGrid(specOrFile));
}

/** @throws UsageError naming the first option of fineTune that does not fit */
function checkFineTuneOptions(options: unknown): void {
  checkOptions(FINE_TUNE_OPTIONS, options);
  const { out, report, spreadsheetSafe } = options as Partial<Record<string, unknown>>;
  if (out !== undefined) return;
  if (spreadsheetSafe === true) throw usage('a folder', 'out with spreadsheetSafe', out);
  if (report === true) throw new UsageError('Expected a folder for out with report but received nothing');
}

export interface WrittenRun extends Pick<FineTuneOptions, 'report' | 'spreadsheetSafe'> {
  /** The folder of the run, chosen when it is known which run it is: see holdsUnfinished. */
  folderFor(fingerprint: string): string;
}

/**
 * {@link fineTune} with everything that it writes.
 * @param started when the run began, by performance.now(): what its total time is counted from
 */
export async function tuneInto(
  options: TuneOptions,
  { folderFor, report = true, spreadsheetSafe }: WrittenRun,
  { signal, reporter }: Required<FineTuneContext>,
  started = performance.now(),
): Promise<{ tuning: Tuning; summary: FineTuneSummary }> {
  const plan = await planTuning(options, { signal, reporter });
  const out = folderFor(plan.fingerprint);
  const checkpoint = await openCheckpoint(out, plan.fingerprint, plan.monitor);
  try {
    const { length } = checkpoint.results;
    if (length > 0)
      reporter.info(
        `Resuming ${out}: ${counted(length, 'training')} ${plural(length, 'is', 'are')} already done`,
      );
    const tuning = await runTuning(plan, { checkpoint, out }, { signal, reporter });
    const summary = summariseTuning(out, tuning, plan, (performance.now() - started) / 1000);
    await writeRun(out, tuning, summary, { spreadsheetSafe });
    if (report) await saveReport(out, tuning, plan.start.photos, reporter);
    if (!tuning.interrupted) checkpoint.finish();
    return { tuning, summary };
  } finally {
    checkpoint.close();
  }
}
