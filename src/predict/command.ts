/** The command `permafrost predict`. */
import { availableParallelism } from 'node:os';
import { Interrupted, runCommand } from '../shared/cli/command.ts';
import { allValues, type Flags, oneValue, textFlag } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { silent, terminalReporter } from '../shared/cli/terminal.ts';
import { choice, wholeNumber } from '../shared/cli/values.ts';
import { ENGINE_NAMES } from '../shared/engines/engine.ts';
import { usage } from '../shared/errors.ts';
import { readHead } from '../shared/head/record.ts';
import { FORMAT_NAMES, FORMATS, type PredictionObject, predictionObject } from './formats.ts';
import { listImages } from './images.ts';
import { writeFile, writeStdout } from './output.ts';
import type { Prediction } from './predict.ts';

const flags = {
  head: {
    ...textFlag,
    demandOption: true,
    description: "A trained head: the folder best of train-head's run",
  },
  format: { ...textFlag, default: 'json', description: `${FORMAT_NAMES.join(', ')} (arrow needs --out)` },
  out: { ...textFlag, description: 'File to write', defaultDescription: 'stdout' },
  weights: {
    ...textFlag,
    array: true,
    description:
      "The backbone's weights, where their file is not where it was; repeated in the head's order if it has several backbones",
    defaultDescription: 'as extracted with',
  },
  'batch-size': { ...textFlag, default: '16', description: 'Images in one run of the backbone' },
  concurrency: {
    ...textFlag,
    description: 'Images read and decoded at a time',
    defaultDescription: 'twice the number of cores',
  },
  tta: {
    type: 'boolean',
    default: false,
    description: 'Average the answers over each image and the views that the head was trained on',
  },
  engine: { ...textFlag, default: 'auto', description: `What computes: ${ENGINE_NAMES.join(', ')}` },
  json: {
    type: 'boolean',
    default: false,
    description: 'Print the predictions as JSON, as the last line of stdout; with --out, beside the file',
  },
} as const;

/** `permafrost predict`. */
export const predictCommand: Command = {
  command: 'predict',
  describe: 'Answer for new images with a trained head',
  operands: {
    name: 'images',
    shown: 'IMAGE or DIR, one or more,',
    description: 'Image files, and folders for all images below them',
  },
  builder: flags,
  handler: (argv) => runCommand((signal) => run(argv, signal), argv.json === true && argv.out !== undefined),
};

/** Returns the predictions where stdout gets them beside a file; otherwise they are written as they come. */
async function run(argv: Flags, signal: AbortSignal): Promise<{ predictions: PredictionObject[] }> {
  const format = choice(FORMAT_NAMES).parse(oneValue(argv, 'format') ?? '', '--format');
  const out = oneValue(argv, 'out');
  const json = argv.json === true;
  if (format === 'arrow' && out === undefined) throw usage('a file', '--out with --format arrow', out);
  if (format !== 'json' && json && out === undefined)
    throw usage('a file', `--out with --format ${format} and --json`, out);
  const concurrency = oneValue(argv, 'concurrency') ?? String(2 * availableParallelism());
  const settings = {
    tta: argv.tta === true,
    weights: allValues(argv, 'weights'),
    engine: choice(ENGINE_NAMES).parse(oneValue(argv, 'engine') ?? '', '--engine'),
    batchSize: wholeNumber(1).parse(oneValue(argv, 'batch-size') ?? '', '--batch-size'),
    concurrency: wholeNumber(1).parse(concurrency, '--concurrency'),
  };
  const head = await readHead(oneValue(argv, 'head') ?? '');
  const images = await listImages(allValues(argv, 'images'));
  const { classes } = head.record;
  // Loaded once the command is known to be right: sharp takes most of the time to start.
  const { predict } = await import('./predict.ts');
  const kept: PredictionObject[] = [];
  let count = 0;
  // On a terminal the answers themselves show the progress.
  const { progress } = out === undefined && process.stdout.isTTY ? silent : terminalReporter();
  const reporter = { ...terminalReporter(), progress };
  const seen = async function* (): AsyncGenerator<Prediction[]> {
    for await (const batch of predict({ ...settings, head, images }, { signal, reporter })) {
      count += batch.length;
      if (json && out !== undefined) kept.push(...batch.map((one) => predictionObject(one, classes)));
      yield batch;
    }
    if (count === 0) signal.throwIfAborted();
  };
  const pieces = FORMATS[format](seen(), classes);
  await (out === undefined ? writeStdout(pieces) : writeFile(out, pieces));
  if (signal.aborted) throw new Interrupted(`Interrupted: ${count} of ${images.length} images are predicted`);
  return { predictions: kept };
}
