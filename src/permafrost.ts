#!/usr/bin/env node
/** The `permafrost` executable: every stage as a subcommand. */
import { backbonesCommand } from './backbones/command.ts';
import { cacheCommand } from './cache/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { exportCommand } from './export/command.ts';
import { extractCommand } from './extract/command.ts';
import { predictCommand } from './predict/command.ts';
import { serveCommand } from './predict/serve/command.ts';
import { type Command, runProgram } from './shared/cli/program.ts';
import { trainHeadCommand } from './train/command.ts';

/** In the order of the help text. */
const COMMANDS: Command[] = [
  extractCommand,
  trainHeadCommand,
  predictCommand,
  serveCommand,
  exportCommand,
  backbonesCommand,
  cacheCommand,
  doctorCommand,
];

await runProgram('permafrost', COMMANDS);
