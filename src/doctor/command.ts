/** The command `permafrost doctor`: what this machine can do, and what would make it faster. */
import { runCommand } from '../shared/cli/command.ts';
import { type Flags, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import type { OptionTable } from '../shared/options.ts';
import { number, toggle } from '../shared/values.ts';

const OPTIONS = {
  seconds: {
    kind: number({ minimum: 0, maximum: 600 }, 'a number of seconds'),
    description: 'Seconds for measuring the engines; 0 skips the measurement',
    default: 10,
  },
  json: {
    kind: toggle,
    description: 'Print the findings as JSON on the last line of stdout',
    default: false,
  },
} satisfies OptionTable;

/** `permafrost doctor`. */
export const doctorCommand: Command = {
  command: 'doctor',
  describe: 'List the compute engines of this machine, their speed, and what to install',
  options: OPTIONS,
  handler: (argv) => runCommand(() => run(argv), argv.json === true),
};

async function run(argv: Flags): Promise<object> {
  const { seconds } = readFlags(OPTIONS, argv);
  const [{ reportEngines }, { describeFolders, describeMachine }, { advise, automatic, reportLines }] =
    await Promise.all([import('./engines.ts'), import('./machine.ts'), import('./report.ts')]);
  const machine = await describeMachine();
  const findings = { machine, engines: await reportEngines(seconds), folders: await describeFolders() };
  process.stdout.write(`${reportLines(findings).join('\n')}\n`);
  return { ...findings, auto: automatic(findings.engines), advice: advise(findings)?.command ?? null };
}
