/** The command `permafrost predict`. */
import { Interrupted, runCommand } from '../shared/cli/command.ts';
import { type Flags, operandsOf, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { terminalReporter } from '../shared/cli/terminal.ts';
import { messageOf, UsageError, usage } from '../shared/errors.ts';
import { type Head, readHead } from '../shared/head/record.ts';
import type { Values } from '../shared/options.ts';
import { counted, plural } from '../shared/plural.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { FORMATS, predictionObject } from './formats.ts';
import { listImages } from './images.ts';
import type { PredictorOptions } from './library.ts';
import { PREDICT_OPTIONS } from './options.ts';
import { jsonCopy, writeFile, writeStdout } from './output.ts';
import type { FilePrediction, PredictOptions } from './predict.ts';

/** `permafrost predict`. */
export const predictCommand: Command = {
  command: 'predict',
  describe: 'Predict new images with a trained head',
  operands: {
    name: 'images',
    description: 'Image files, folders (with all images below them) or globs',
    optional: true,
  },
  options: PREDICT_OPTIONS,
  // Predictions are printed here and not as a summary: millions of them would not fit into one string.
  handler: (argv) => runCommand((signal, reporter) => run(argv, signal, reporter), false),
};

type PredictFlags = Values<typeof PREDICT_OPTIONS>;

async function run(argv: Flags, signal: AbortSignal, reporter: Reporter): Promise<object> {
  const values = readFlags(PREDICT_OPTIONS, argv);
  const named = operandsOf(argv, 'images');
  checkOutput(values);
  checkImages(values, named);
  const { weights = [], engine, batchSize, concurrency, topK, watch: folder } = values;
  const settings = { weights, engine, batchSize, concurrency };
  const head = await readHead(values.head);
  if (folder !== undefined) return watch(head, folder, { ...settings, topK }, signal);
  const images = await listImages(named, values.stdin ? process.stdin : undefined, reporter.warn);
  const { tta } = values;
  await predictImages({ ...settings, tta, head, images }, values, signal, reporter);
  return {};
}

/** @throws UsageError for a form of the predictions that cannot go where they are written */
function checkOutput({ format, out, json, topK, spreadsheetSafe }: PredictFlags): void {
  if (format === 'arrow' && out === undefined)
    throw new UsageError('Missing --out: --format arrow writes a file');
  if (format !== 'json' && json && out === undefined)
    throw new UsageError(`Missing --out: --format ${format} and --json cannot both write to stdout`);
  if (format === 'arrow' && topK !== undefined)
    throw new UsageError('--top-k cannot be combined with --format arrow: use json, jsonl or csv');
  if (spreadsheetSafe && format !== 'csv')
    throw new UsageError(`--spreadsheet-safe works only with --format csv, not ${format}`);
}

/** @throws UsageError for no images, an empty path, or more than the folder that is watched */
function checkImages(
  { watch: folder, stdin, out, format, tta }: PredictFlags,
  named: readonly string[],
): void {
  if (named.includes('')) throw usage('a path', 'an image', '');
  if (folder === undefined) {
    if (named.length === 0 && !stdin)
      throw new UsageError('Missing images: name files, folders or globs, or give --stdin or --watch DIR');
    return;
  }
  const others = [
    named.length > 0 && 'images',
    stdin && '--stdin',
    out !== undefined && '--out',
    !format.startsWith('json') && `--format ${format}`,
    tta && '--tta',
  ];
  const other = others.find((value) => value !== false);
  if (other !== undefined)
    throw new UsageError(
      `--watch cannot be combined with ${other}: it prints JSON lines for the images of its folder`,
    );
}

/** Predicts images and writes the predictions as they come. @throws Interrupted when `signal` ends it early */
async function predictImages(
  options: PredictOptions,
  { format, out, json, topK, spreadsheetSafe }: PredictFlags,
  signal: AbortSignal,
  reporter: Reporter,
): Promise<void> {
  const { images } = options;
  const { classes } = options.head.record;
  // Loaded once the command is known to be right: sharp takes most of the time to start.
  const { predict } = await import('./predict.ts');
  const copy = json && out !== undefined ? jsonCopy(`${out}.json.tmp`) : undefined;
  let count = 0;
  // On a terminal the predictions themselves show the progress.
  const { progress } = out === undefined && process.stdout.isTTY ? silent : reporter;
  const seen = async function* (): AsyncGenerator<FilePrediction[]> {
    for await (const batch of predict(options, { signal, reporter: { ...reporter, progress } })) {
      count += batch.length;
      await copy?.add(batch.map((one) => predictionObject(one, classes, topK)));
      yield batch;
    }
    if (count === 0) signal.throwIfAborted();
  };
  const pieces = FORMATS[format](seen(), classes, { topK, spreadsheetSafe });
  try {
    await (out === undefined ? writeStdout(pieces) : writeFile(out, pieces));
    if (signal.aborted)
      throw new Interrupted(
        `Interrupted: ${count} of ${counted(images.length, 'image')} ${plural(count, 'is', 'are')} predicted`,
      );
    await copy?.print();
  } finally {
    await copy?.remove();
  }
}

/** Predicts new images until it is told to stop, which is how it should end. */
async function watch(
  head: Head,
  folder: string,
  {
    topK,
    ...settings
  }: Omit<PredictorOptions, 'head' | 'signal' | 'reporter'> & { topK: number | undefined },
  signal: AbortSignal,
): Promise<object> {
  const [{ openPredictor }, { watchFolder }] = await Promise.all([
    import('./library.ts'),
    import('./watch.ts'),
  ]);
  const reporter = terminalReporter();
  const appeared = await watchFolder(folder, signal);
  const predictor = await openPredictor({ ...settings, head, signal, reporter });
  const lines = async function* (): AsyncGenerator<string> {
    reporter.info(`Watching ${folder}`);
    for await (const files of appeared) {
      for (const file of files) {
        try {
          const [prediction] = await predictor.predict([file]);
          yield `${JSON.stringify(predictionObject({ path: file, ...prediction }, predictor.classes, topK))}\n`;
        } catch (thrown) {
          reporter.warn(messageOf(thrown));
        }
      }
    }
  };
  try {
    await writeStdout(lines());
  } finally {
    await predictor.close();
  }
  return {};
}
