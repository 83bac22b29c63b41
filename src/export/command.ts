/** The command `permafrost export`. */
import { runCommand } from '../shared/cli/command.ts';
import { headFlag, jsonFlag, recordedWeightsFlag } from '../shared/cli/common-flags.ts';
import { allPaths, type Flags, onePath, oneValue, textFlag } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { terminalReporter } from '../shared/cli/terminal.ts';
import { readHead } from '../shared/head/record.ts';
import { choice, shownBytes } from '../shared/values.ts';
import { EXPORT_FORMATS, type ExportSummary, exportHead } from './export.ts';

const flags = {
  head: headFlag,
  format: {
    ...textFlag,
    demandOption: true,
    description: `${EXPORT_FORMATS.join(', ')}: onnx takes photos, the others take features`,
  },
  full: {
    type: 'boolean',
    description: 'With keras: export the whole model, which takes photos, instead of the head alone',
  },
  out: { ...textFlag, demandOption: true, description: 'File to write; for tfjs a folder' },
  weights: {
    ...recordedWeightsFlag,
    description: `With onnx or --full: ${recordedWeightsFlag.description}`,
  },
  json: jsonFlag,
} as const;

/** `permafrost export`. */
export const exportCommand: Command = {
  command: 'export',
  describe: 'Export a trained head as ONNX, Keras, TensorFlow.js or safetensors, and test the file',
  builder: flags,
  mainFlag: 'head',
  handler: (argv) => runCommand((signal) => run(argv, signal), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal): Promise<ExportSummary> {
  const format = choice(EXPORT_FORMATS).parse(oneValue(argv, 'format') ?? '', '--format');
  const out = onePath(argv, 'out')!;
  const weights = allPaths(argv, 'weights');
  const full = argv.full === true;
  const head = await readHead(onePath(argv, 'head')!);
  const reporter = terminalReporter();
  const summary = await exportHead({ head, format, full, out, weights, signal, reporter });
  reporter.info(`${summary.out}: ${shownBytes(summary.bytes)}, ${agreement(summary.difference)}`);
  return summary;
}

/** How well the file predicts as permafrost does, over the images or features it was checked with. */
function agreement(difference: number): string {
  return difference === 0
    ? "its probabilities equal permafrost's"
    : `its probabilities differ from permafrost's by at most ${difference.toExponential(1)}`;
}
