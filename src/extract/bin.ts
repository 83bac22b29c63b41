#!/usr/bin/env node
/** The `extract` executable. */
import { runProgram } from '../shared/cli/program.ts';
import { extractCommand } from './command.ts';

await runProgram('extract', extractCommand);
