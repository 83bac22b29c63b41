#!/usr/bin/env node
/** The `permafrost` executable: every stage as a subcommand. */
import { COMMANDS } from './commands.ts';
import { runProgram } from './shared/cli/program.ts';

await runProgram('permafrost', COMMANDS);
