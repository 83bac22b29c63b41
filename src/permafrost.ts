#!/usr/bin/env node
/** The `permafrost` executable: every stage as a subcommand. */
import { extractCommand } from './extract/command.ts';
import { type Command, runProgram } from './shared/cli/program.ts';

/** In the order of the help text. */
const COMMANDS: Command[] = [extractCommand];

await runProgram('permafrost', COMMANDS);
