/** What other programs read in stores, through pip (scripts/check-readers.sh). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/check-readers.sh', import.meta.url));
const root = newFolder();
const stores = ['float32', 'float16'].map((dtype) => join(root, dtype));

beforeAll(async () => {
  const data = await drawLeaves(join(root, 'leaves'), { count: 12, seed: 1 });
  const flags = [
    '--backbone',
    'mobilenet_0.25',
    '--weights',
    'none',
    '--size',
    '64x48',
    '--pooling',
    'avg,max',
  ];
  for (const out of stores) {
    const dtype = out.endsWith('16') ? 'float16' : 'float32';
    const views = ['--augment', '2:flip,rotate=30', '--dtype', dtype];
    const run = await permafrost(['extract', '--data', data, ...flags, ...views, '--out', out]);
    expect(run.status, run.stderr).toBe(0);
  }
});

it('pyarrow, polars and DuckDB read every part alike', async () => {
  const { stdout } = await promisify(execFile)('bash', [SCRIPT, ...stores]);
  for (const store of stores)
    expect(stdout).toContain(`${store}: 36 rows in 1 parts read alike by all three`);
});
