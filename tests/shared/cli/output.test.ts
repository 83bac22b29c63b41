/** Output that cannot be written: no stack trace, and a status that says so. */
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Closed, withClosedOutput } from '../../support/fault-injection/closed-output.ts';
import { newFolder } from '../../support/folders.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/permafrost.js', import.meta.url));
const cwd = newFolder();

describe('output that cannot be written', () => {
  it.each<[string[], Closed, number]>([
    [['backbones', 'vgg16', '--json'], 'both', 141],
    [['train-head', '--help'], 'stdout', 141],
    [['frob'], 'stderr', 2],
  ])('%j with %s closed ends quietly', async (args, closed, status) => {
    expect(await withClosedOutput(args, closed, { cwd })).toEqual({ status, read: '' });
  });

  it.runIf(process.platform === 'linux')('says that the disk behind stdout is full', () => {
    const stdout = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'backbones'], {
      stdio: ['ignore', stdout, 'pipe'],
      encoding: 'utf8',
    });
    expect(stderr).toBe('Cannot write to stdout: the disk is full (ENOSPC)\n');
    expect(status).toBe(1);
  });
});
