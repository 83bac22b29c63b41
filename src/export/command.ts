/** The command `permafrost export`. */
import { runCommand } from '../shared/cli/command.ts';
import { type Flags, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { readHead } from '../shared/head/record.ts';
import type { Reporter } from '../shared/reporter.ts';
import { shownBytes } from '../shared/values.ts';
import { type ExportSummary, exportHead } from './export.ts';
import { EXPORT_OPTIONS } from './options.ts';

/** `permafrost export`. */
export const exportCommand: Command = {
  command: 'export',
  describe: 'Export a trained head as ONNX, Keras, TensorFlow.js or safetensors, and test the file',
  options: EXPORT_OPTIONS,
  mainFlag: 'head',
  handler: (argv) => runCommand((signal, reporter) => run(argv, signal, reporter), argv.json === true),
};

async function run(argv: Flags, signal: AbortSignal, reporter: Reporter): Promise<ExportSummary> {
  const { head: folder, weights = [], json: _, ...given } = readFlags(EXPORT_OPTIONS, argv);
  const head = await readHead(folder);
  const summary = await exportHead({ ...given, head, weights, signal, reporter });
  reporter.info(`${summary.out}: ${shownBytes(summary.bytes)}, ${agreement(summary.difference)}`);
  return summary;
}

/** How well the file predicts as permafrost does, over the images or features it was checked with. */
function agreement(difference: number): string {
  return difference === 0
    ? "its probabilities equal permafrost's"
    : `its probabilities differ from permafrost's by at most ${difference.toExponential(1)}`;
}
