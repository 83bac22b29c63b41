/** What stands on a command line, as the built commands read it. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { photo } from '../../support/class-folders.ts';
import { permafrost } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { writeRandomHead } from '../../support/random-head.ts';

const root = newFolder();

beforeAll(async () => {
  await writeRandomHead(join(root, 'best'));
  writeFileSync(join(root, 'a.jpg'), await photo(1));
  copyFileSync(join(root, 'a.jpg'), join(root, '--help'));
});

describe('what follows --', () => {
  it('names images, whatever they begin with', async () => {
    const predict = ['predict', '--head', 'best', '--json'];
    const { summary, status } = await permafrost([...predict, 'a.jpg', '--', '--help'], { cwd: root });
    expect(status).toBe(0);
    expect(summary.predictions).toMatchObject([{ path: 'a.jpg' }, { path: '--help' }]);
  });

  it.each([
    [['cache', 'ls', '--', 'gone'], /gone/],
    [['cache', '--', 'verify', 'gone'], /gone/],
    [['backbones', '--', 'resnet5'], /"resnet5"/],
    [['extract', '--data', 'x', '--', 'y'], /^Unexpected "y": extract takes flags only\n/],
    [
      ['train-head', '--', 'y'],
      /^Unexpected "y": train-head takes flags only \(did you mean --features y\?\)/,
    ],
    [['serve', '--head', 'best', '--', 'y'], /^Unexpected "y": serve takes flags only\n/],
    [
      ['export', '--head=b', '--format=onnx', '--out=o', '--', 'y'],
      /^Unexpected "y": export takes flags only\n/,
    ],
    [['doctor', '--', 'y'], /^Unexpected "y": doctor takes flags only\n/],
    [['--', 'doctor'], /^Missing command: one of extract, /],
  ])('is never dropped: %j', async (args, message) => {
    const { stdout, stderr, status } = await permafrost(args, { cwd: root });
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(status).toBeGreaterThan(0);
  });
});
