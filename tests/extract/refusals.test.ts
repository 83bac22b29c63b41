/** What the built command refuses, and how. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { newFolder, permafrost, STACK_TRACE } from '../command.ts';
import { photos } from './photos.ts';

const DIST = new URL('../../dist/', import.meta.url);

describe('extract refuses', () => {
  it.each([
    [[], 'Expected --data but received nothing'],
    [['--data', '.', '--batchsize', '8'], 'Unknown flag --batchsize (did you mean batch-size?)'],
    [['--data', '.', '--backbone', 'resnet5'], '(did you mean resnet50 or '],
    [['--data', '.', '--size', '454'], 'Expected WIDTHxHEIGHT for --size but received "454"'],
    [['--data', '.', '--size', '8x8'], 'for --size but received "8x8"'],
    [
      ['--data', '.', '--pooling', 'average'],
      'Expected one of avg, max, gem, flatten, cls for --pooling but received "average"',
    ],
    [
      ['--data', '.', '--pooling', 'avg,avg'],
      'Expected each pooling once for --pooling but received "avg,avg"',
    ],
    [
      ['--data', '.', '--batch-size', '0'],
      'Expected a whole number of at least 1 for --batch-size but received "0"',
    ],
    [
      ['--data', '.', '--max-errors', '5p'],
      'Expected a number of images or a percentage like 5% for --max-errors but received "5p"',
    ],
    [['--data', '.', '--on-error', 'stop'], 'Expected one of skip, fail for --on-error but received "stop"'],
    [['--data', '.', '--device', 'gpu'], 'for --device but received "gpu"'],
    [
      ['--data', '.', '--dtype', 'float64'],
      'Expected one of float32, float16 for --dtype but received "float64"',
    ],
    [['--data', '.', '--data', 'x'], 'Expected one value for --data but received [".","x"]'],
    [['--data', '.', '--weights', 'missing.h5'], 'for --weights but received "missing.h5"'],
  ])('%j with status 2', async (args, message) => {
    const cwd = await photos(2);
    const { status, stderr, stdout } = await permafrost(['extract', ...args], { cwd });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('a folder without class folders', async () => {
    const empty = await permafrost(['extract', '--data', newFolder()]);
    expect(empty.status).toBe(1);
    expect(empty.stderr).toContain('but found an empty folder');
  });

  it('nothing that its help does not list', async () => {
    const { stdout, status } = await permafrost(['extract', '--help']);
    expect(status).toBe(0);
    for (const flag of ['--data', '--backbone', '--max-errors', '--json']) expect(stdout).toContain(flag);
    expect(existsSync(fileURLToPath(new URL('extract/bin.js', DIST)))).toBe(true);
  });
});
