/** The command `permafrost backbones [NAME]`: what there is to choose from, and where a network can be cut. */
import { isModelFile } from '../shared/backbones/model-file/request.ts';
import { findBackbone } from '../shared/backbones/registry.ts';
import { runCommand } from '../shared/cli/command.ts';
import { operandsOf, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { UsageError } from '../shared/errors.ts';
import { sizeKind } from '../shared/images/size-kind.ts';
import type { OptionTable, Values } from '../shared/options.ts';
import { toggle } from '../shared/values.ts';

const OPTIONS = {
  layers: {
    kind: toggle,
    description: 'List every tensor of an .onnx file that --layer of extract takes, with its shape',
    default: false,
  },
  size: {
    kind: sizeKind,
    description: 'Image size as WIDTHxHEIGHT, for an .onnx file that takes any size',
    defaultText: "the model's own, else 224x224",
  },
  json: { kind: toggle, description: 'Print the facts as JSON on the last line of stdout', default: false },
} satisfies OptionTable;

/** `permafrost backbones`. */
export const backbonesCommand: Command = {
  command: 'backbones',
  describe: 'List all backbones, or describe some and their layers',
  operands: {
    name: 'name',
    description: 'Backbones to describe (default: list all)',
    optional: true,
  },
  options: OPTIONS,
  handler: (argv) =>
    runCommand(() => run(operandsOf(argv, 'name'), readFlags(OPTIONS, argv)), argv.json === true),
};

async function run(names: string[], { json, layers, size }: Values<typeof OPTIONS>): Promise<object> {
  const chosen = names.map((name) => (isModelFile(name) ? name : findBackbone(name).name));
  const network = chosen.find((name) => !isModelFile(name));
  if (network !== undefined && (layers || size))
    throw new UsageError(
      `--${layers ? 'layers' : 'size'} is for .onnx files; permafrost backbones ${network} lists its layers`,
    );
  const { describeAll, describeFile, describeOne, listing } = await import('./describe.ts');
  if (chosen.length === 0) {
    const backbones = describeAll();
    if (!json) process.stdout.write(`${listing(backbones)}\n`);
    return { backbones };
  }
  const backbones = await Promise.all(
    chosen.map((name) => (isModelFile(name) ? describeFile(name, { layers, size }) : describeOne(name))),
  );
  if (!json) for (const { text } of backbones) process.stdout.write(`${text}\n`);
  return { backbones: backbones.map(({ facts }) => facts) };
}
