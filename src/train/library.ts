/** A sweep for use in a program: what `permafrost train-head` does, files included, without its printing. */
import { type Reporter, silent } from '../shared/cli/terminal.ts';
import { openRecorder, type Recorder } from './recorded.ts';
import { saveReport } from './report/save.ts';
import { summarise } from './results/summary.ts';
import { writeRun } from './results/write.ts';
import { type Training, type TrainOptions, train } from './train.ts';

export interface TrainHeadsOptions extends Omit<TrainOptions, 'openRecorder'> {
  /**
   * Folder of the run, with the files that the command writes; one that an unfinished sweep with the same options
   * left there is gone on with. Default: nothing is written.
   */
  out?: string;
  /** With `out`: whether report.html is written; default: true. */
  report?: boolean;
  /** Folder that the images of the stores are in, for the report; default: where extract found them. */
  images?: string;
}

/**
 * Trains heads on stored features and chooses the best. When `signal` aborts, the heads trained so far are chosen
 * from (`interrupted` says so); calling it again with the same options and `out` goes on from there.
 * @throws InputError for features or labels that cannot be trained on, UsageError for options that exclude each
 *   other, the abort reason of `signal` where no head was trained
 */
export async function trainHeads(
  { out, report = true, images, ...options }: TrainHeadsOptions,
  {
    signal = new AbortController().signal,
    reporter = silent,
  }: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<Training> {
  if (out === undefined) return train(options, { signal, reporter });
  const started = performance.now();
  let recorder: Recorder | undefined;
  const training = await train(
    {
      ...options,
      async openRecorder(fingerprint, metric) {
        recorder = await openRecorder(out, fingerprint, metric);
        return recorder;
      },
    },
    { signal, reporter },
  );
  await writeRun(out, training, summarise(out, training, (performance.now() - started) / 1000));
  if (report) await saveReport(out, training, images, reporter);
  if (!training.interrupted) recorder?.finish();
  return training;
}
