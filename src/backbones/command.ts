/** The command `permafrost backbones [NAME]`: what there is to choose from, and where a network can be cut. */
import { findHubModel } from '../shared/backbones/hub-models.ts';
import { fetchModel, findModel } from '../shared/backbones/model-file/find.ts';
import { findBackbone } from '../shared/backbones/registry.ts';
import { runCommand } from '../shared/cli/command.ts';
import { operandsOf, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { UsageError } from '../shared/errors.ts';
import { sizeKind } from '../shared/images/size-kind.ts';
import type { OptionTable, Values } from '../shared/options.ts';
import { toggle } from '../shared/values.ts';
import type { FetchOptions } from '../shared/weights/hub/fetch.ts';

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
    runCommand(
      (signal, reporter) => run(operandsOf(argv, 'name'), readFlags(OPTIONS, argv), { signal, reporter }),
      argv.json === true,
    ),
};

async function run(
  names: string[],
  { json, layers, size }: Values<typeof OPTIONS>,
  context: FetchOptions,
): Promise<object> {
  const chosen = names.map((name) => ({ name, model: findModel(name, undefined) }));
  const network = chosen.find(({ name, model }) => !model && findBackbone(name));
  if (network && (layers || size))
    throw new UsageError(
      `--${layers ? 'layers' : 'size'} is for .onnx files; permafrost backbones ${network.name} lists its layers`,
    );
  const { describeAll, describeFile, describeHubModel, describeOne, listing } = await import('./describe.ts');
  if (chosen.length === 0) {
    const backbones = describeAll();
    if (!json) process.stdout.write(`${listing(backbones)}\n`);
    return { backbones };
  }
  const backbones: { facts: object; text: string }[] = [];
  for (const { name, model } of chosen) {
    const row = layers || size ? undefined : findHubModel(name);
    if (row) backbones.push(describeHubModel(row));
    else if (model)
      backbones.push(await describeFile(name, await fetchModel(model, context), { layers, size }));
    else backbones.push(await describeOne(findBackbone(name).name));
  }
  if (!json) for (const { text } of backbones) process.stdout.write(`${text}\n`);
  return { backbones: backbones.map(({ facts }) => facts) };
}
