/** The command `permafrost doctor`: what this machine can do, and what would make it faster. */
import { runCommand } from '../shared/cli/command.ts';
import { type Flags, oneValue, textFlag } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { number } from '../shared/values.ts';

const flags = {
  seconds: {
    ...textFlag,
    default: '10',
    description: 'Seconds for measuring the engines; 0 skips the measurement',
  },
  json: {
    type: 'boolean',
    default: false,
    description: 'Print the findings as JSON on the last line of stdout',
  },
} as const;

/** `permafrost doctor`. */
export const doctorCommand: Command = {
  command: 'doctor',
  describe: 'List the compute engines of this machine, their speed, and what to install',
  builder: flags,
  handler: (argv) => runCommand(() => run(argv), argv.json === true),
};

async function run(argv: Flags): Promise<object> {
  const seconds = number('a number of seconds from 0 to 600', (value) => value >= 0 && value <= 600).parse(
    oneValue(argv, 'seconds')!,
    '--seconds',
  );
  const [{ reportEngines }, { describeFolders, describeMachine }, { advise, automatic, reportLines }] =
    await Promise.all([import('./engines.ts'), import('./machine.ts'), import('./report.ts')]);
  const machine = await describeMachine();
  const findings = { machine, engines: await reportEngines(seconds), folders: await describeFolders() };
  process.stdout.write(`${reportLines(findings).join('\n')}\n`);
  return { ...findings, auto: automatic(findings.engines), advice: advise(findings)?.command ?? null };
}
