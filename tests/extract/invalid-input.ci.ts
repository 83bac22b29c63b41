/** What the built command refuses, and how. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { photos } from '../support/class-folders.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const DIST = new URL('../../dist/', import.meta.url);

describe('extract refuses', () => {
  it.each([
    [[], 'Missing --data'],
    [['photos'], 'Unexpected "photos": extract takes flags only (did you mean --data photos?)'],
    [['--data', '.', '--batchsize', '8'], 'Unknown flag --batchsize (did you mean --batch-size?)'],
    [['--data', '.', '--backbone', 'resnet5'], '(did you mean resnet50 or '],
    [['--data', '.', '--size', '454'], 'Expected WIDTHxHEIGHT for --size but received "454"'],
    [['--data', '.', '--size', '8x8'], 'for --size but received "8x8"'],
    [
      ['--data', '.', '--pooling', 'average'],
      'Expected one of avg, max, gem, flatten, cls, mean, cls+mean, pooler for --pooling but received "average"',
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
    [['--data', '.', '--weights', 'missing.h5'], 'No such file: missing.h5 (--weights)'],
    [['--data', '.', '--weights', '.'], '--weights . is a folder: name one of its files'],
    [['--data', ''], 'Expected a path for --data but received ""'],
    [['--data', '.', '--out', ''], 'Expected a path for --out but received ""'],
    [
      ['--data', '.', '--size', '99999x99999'],
      'at most 8192x8192 pixels for --size but received "99999x99999"',
    ],
    [['--data', '.', '--size'], 'Missing value for --size'],
    [['--data', '.', '--rehash=yes'], 'Expected true or false for --rehash but received "yes"'],
    [['--data', '.', '--no-follow=1'], 'Expected true or false for --follow but received "1"'],
    [['--data', '.', 'more'], 'Unexpected "more": extract takes flags only'],
    [
      ['--data', '.', '--batch-size', '99999999999', '--weights', 'none'],
      'for --batch-size but received 99999999999',
    ],
  ])('%j with status 2', async (args, message) => {
    const cwd = await photos(2);
    const { status, stderr, stdout } = await permafrost(['extract', ...args], { cwd });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it.each([
    [['--label-column', 'x'], 'a manifest or a table with --label-column for --data'],
    [['--label-separator', ';'], 'a manifest or a table with --label-separator for --data'],
  ])('%j where there is no manifest', async (flags, message) => {
    const { status, stderr } = await permafrost(['extract', '--data', await photos(2), ...flags]);
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  });

  it('to write where a file lies', async () => {
    const data = await photos(2);
    const out = join(newFolder(), 'file');
    writeFileSync(out, 'mine');
    const { status, stderr } = await permafrost(['extract', '--data', data, '--out', out]);
    expect(stderr).toContain(`Cannot make the folder ${out}: something that is not a folder is in its place`);
    expect(status).toBe(1);
    expect(readFileSync(out, 'utf8')).toBe('mine');
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
