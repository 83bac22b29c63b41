/** Every program in examples/ runs as its README says. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { drawLeaves } from '../scripts/leaves.ts';
import { permafrost } from './support/command.ts';
import { newFolder } from './support/folders.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'dist', 'permafrost.js');
const PYTHON_PACKAGES = [
  'numpy==2.4.6',
  'pyarrow==26.0.1',
  'nbconvert==7.17.2',
  'nbclient==0.11.0',
  'ipykernel==7.4.0',
];
const run = promisify(execFile);

/** A project that has permafrost installed, with the examples in it. */
const project = newFolder();
let photos = '';

beforeAll(async () => {
  cpSync(join(ROOT, 'examples'), project, { recursive: true });
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(ROOT, join(project, 'node_modules', 'permafrost'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  // One label a leaf, in class folders.
  const leaves = await drawLeaves(newFolder(), { count: 60, seed: 2 });
  const rows = readFileSync(leaves, 'utf8').trim().split('\n').slice(1);
  photos = join(project, 'photos');
  for (const row of rows) {
    const [path, rust, mildew] = row.split(',');
    const name = rust === '1' ? 'rust' : mildew === '1' ? 'mildew' : 'healthy';
    mkdirSync(join(photos, name), { recursive: true });
    cpSync(join(leaves, '..', path), join(photos, name, path));
  }
});

async function node(...args: string[]): Promise<string> {
  return (await run(process.execPath, args, { cwd: project })).stdout;
}

const firstPhoto = () => {
  const [name] = readdirSync(photos);
  return join(photos, name, readdirSync(join(photos, name))[0]);
};

it('library.ts extracts, trains and predicts', async () => {
  const tsx = join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const printed = await node(tsx, 'library.ts', photos, firstPhoto());
  expect(printed).toMatch(/^60 images, 0 of which cannot be used\nHead \d+ of 3 classes:/);
  expect(printed).toContain(`${firstPhoto()} [ `);
});

it('manifest.mjs writes a manifest that extract takes', async () => {
  const names = readdirSync(join(photos, 'rust'));
  const tags = names.map((file, index) => ({
    file: join('photos', 'rust', file),
    tags: index % 2 === 0 ? ['rust', 'a, b'] : [],
    taken_by: 'ann "the eye" lee',
  }));
  writeFileSync(join(project, 'labels.json'), JSON.stringify(tags));
  expect(await node('manifest.mjs', 'labels.json', 'photos.csv')).toBe(
    `${names.length} photos in photos.csv\n`,
  );
  const flags = [
    '--backbone',
    'mobilenet_0.25',
    '--weights',
    'none',
    '--size',
    '32x32',
    '--out',
    'store',
    '--json',
  ];
  const { status, stderr, summary } = await permafrost(['extract', '--data', 'photos.csv', ...flags], {
    cwd: project,
  });
  expect(status, stderr).toBe(0);
  expect(summary).toMatchObject({ images: names.length, failed: 0 });
});

it('grid.yaml is a sweep that train-head takes', async () => {
  const flags = [
    '--features',
    'cache/example',
    '--grid',
    'grid.yaml',
    '--epochs',
    '3',
    '--out',
    'runs/grid',
    '--json',
  ];
  const { status, stderr, summary } = await permafrost(['train-head', ...flags], { cwd: project });
  expect(status, stderr).toBe(0);
  expect(summary).toMatchObject({ heads: 12, task: 'multiclass' });
});

it('client.mjs asks a server', async () => {
  const server = spawn(process.execPath, [PROGRAM, 'serve', '--head', 'runs/example/best', '--port', '0'], {
    cwd: project,
  });
  try {
    let said = '';
    for await (const chunk of server.stdout) {
      said += chunk;
      if (said.includes('http://')) break;
    }
    const [address] = /http:\/\/\S+\d/.exec(said) ?? [];
    expect(await node('client.mjs', String(address), firstPhoto())).toContain(`${firstPhoto()} `);
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
});

it('features.ipynb reads the store in Python', async () => {
  const packages = join(newFolder(), 'packages');
  const quiet = ['--quiet', '--disable-pip-version-check'];
  await run('python3', ['-m', 'pip', 'install', ...quiet, '--target', packages, ...PYTHON_PACKAGES]);
  const environment = { ...process.env, PYTHONPATH: packages, STORE: join(project, 'cache', 'example') };
  const convert = [
    '-m',
    'nbconvert',
    '--to',
    'notebook',
    '--execute',
    '--output',
    'executed',
    'features.ipynb',
  ];
  await run('python3', convert, { cwd: project, env: environment });
  const executed = readFileSync(join(project, 'executed.ipynb'), 'utf8');
  expect(executed).toContain('(60, 1280)');
}, 300_000);
