/** The command `permafrost backbones [NAME]`: what there is to choose from, and where a network can be cut. */
import { findBackbone } from '../shared/backbones/registry.ts';
import { runCommand } from '../shared/cli/command.ts';
import { operandsOf } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import type { OptionTable } from '../shared/options.ts';
import { toggle } from '../shared/values.ts';

const OPTIONS = {
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
  handler: (argv) => runCommand(() => run(operandsOf(argv, 'name'), argv.json === true), argv.json === true),
};

async function run(names: string[], json: boolean): Promise<object> {
  const chosen = names.map((name) => findBackbone(name).name);
  const { describeAll, describeOne, listing } = await import('./describe.ts');
  if (chosen.length === 0) {
    const backbones = describeAll();
    if (!json) process.stdout.write(`${listing(backbones)}\n`);
    return { backbones };
  }
  const backbones = await Promise.all(chosen.map(describeOne));
  if (!json) for (const { text } of backbones) process.stdout.write(`${text}\n`);
  return { backbones: backbones.map(({ facts }) => facts) };
}
