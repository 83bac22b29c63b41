#!/usr/bin/env node
/** The `train-head` executable. */
import { runProgram } from '../shared/cli/program.ts';
import { trainHeadCommand } from './command.ts';

await runProgram('train-head', trainHeadCommand);
