/** The package as it is published: packed, installed from the registry into empty projects, and used there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawLeaves } from '../scripts/leaves.ts';
import { standIn } from '../scripts/skip-cuda-download.mjs';
import { newFolder } from './command.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

interface Packed {
  filename: string;
  size: number;
  files: { path: string; size: number }[];
}

let packed: Packed;
let tarball = '';
let labels = '';

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', env: environment() });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** Without the settings of the npm that runs the tests. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_(ignore|local)|package)/.test(name)),
  );
}

function emptyProject(): string {
  const cwd = newFolder();
  writeFileSync(join(cwd, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  return cwd;
}

beforeAll(async () => {
  const folder = newFolder();
  [packed] = JSON.parse(npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  tarball = join(folder, packed.filename);
  labels = await drawLeaves(join(folder, 'leaves'), { count: 24, seed: 5 });
});

describe('the tarball', () => {
  it('holds what is built and the shipped weights, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toContain('dist/index.d.ts');
    expect(paths).toContain('models/efficientnet_lite0.safetensors');
    expect(paths).toContain('scripts/skip-cuda-download.mjs');
    const expected = /^(dist\/|models\/|cache\/README\.md$|LICENSE$|README\.md$|package\.json$)/;
    expect(paths.filter((path) => !expected.test(path))).toEqual(['scripts/skip-cuda-download.mjs']);
    expect(paths.filter((path) => /\.map$|\.test\.|\/tests\//.test(path))).toEqual([]);
    // docs/library.md says 9 MB.
    expect(packed.size).toBeLessThan(10e6);
  });

  it('points to no file that it does not hold', () => {
    const scripts = packed.files.filter(({ path }) => /\.(js|css)$/.test(path));
    for (const { path } of scripts)
      expect(readFileSync(join(ROOT, path), 'utf8')).not.toContain('sourceMappingURL');
  });
});

const PROGRAM = `import { readFileSync } from 'node:fs';
import { openPredictor, predict } from 'permafrost';
const [head, photo] = process.argv.slice(2);
const predictor = await openPredictor({ head });
const [answer] = await predictor.predict([readFileSync(photo)]);
await predictor.close();
const [again] = await predict({ head, images: [photo] });
console.log(JSON.stringify([answer.labels, again.labels, predictor.classes]));
`;

describe.each(['--ignore-scripts', '--ignore-scripts=false'])('npm install %s', (scripts) => {
  const cwd = emptyProject();
  beforeAll(() => npm(cwd, 'install', scripts, tarball, `@types/node@${devDependencies['@types/node']}`));

  function permafrost(...args: string[]): string {
    const program = join(cwd, 'node_modules', '.bin', 'permafrost');
    const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return stdout;
  }

  it('gives a command and a library that work', () => {
    expect(permafrost('--help')).toContain('permafrost extract');
    permafrost('extract', '--data', labels, '--size', '64x64', '--out', 'store');
    permafrost('train-head', '--features', 'store', '--epochs', '2', '--out', 'run');
    const photo = join(labels, '..', 'leaf-0000.jpg');
    const answers = JSON.parse(permafrost('predict', '--head', 'run/best', photo));
    expect(answers.predictions[0].path).toBe(photo);
    writeFileSync(join(cwd, 'program.js'), PROGRAM);
    const printed = execFileSync(process.execPath, ['program.js', 'run/best', photo], {
      cwd,
      encoding: 'utf8',
    });
    const { labels: found } = answers.predictions[0];
    expect(JSON.parse(printed)).toEqual([found, found, ['mildew', 'rust']]);
  });

  it('downloads no library for a GPU', () => {
    const library = join(
      ...[cwd, 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64', 'libonnxruntime_providers_cuda.so'],
    );
    if (existsSync(library)) expect(readFileSync(library).length).toBe(0);
  });

  it.each([
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])(
    'gives types that strict programs of module %s, resolution %s, are checked with',
    (module, resolution) => {
      writeFileSync(join(cwd, 'consumer.ts'), readFileSync(join(ROOT, 'tests', 'consumer.ts.txt')));
      const options = {
        ...{ strict: true, skipLibCheck: false, noEmit: true, target: 'es2022', types: ['node'] },
        ...{ module, moduleResolution: resolution, exactOptionalPropertyTypes: true },
      };
      const config = join(cwd, `tsconfig.${resolution}.json`);
      writeFileSync(config, JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }));
      const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
      const { status, stdout } = spawnSync(compiler, ['-p', config], { encoding: 'utf8' });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    },
  );
});

it('what stands in for libraries does not replace those that are there', () => {
  const folder = newFolder();
  const libraries = join(folder, 'bin', 'napi-v6', 'linux', 'x64');
  for (const path of [join(folder, 'script'), libraries]) mkdirSync(path, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(
    join(folder, 'script', 'install-metadata.js'),
    `module.exports = {
      requirements: { 'linux/x64': ['cuda'] },
      manifests: { 'linux/x64:cuda': { './there.so': {}, './missing.so': {} } },
    };`,
  );
  writeFileSync(join(libraries, 'there.so'), 'library');
  standIn(folder, 'linux/x64');
  standIn(folder, 'darwin/arm64');
  expect(readFileSync(join(libraries, 'there.so'), 'utf8')).toBe('library');
  expect(readFileSync(join(libraries, 'missing.so'), 'utf8')).toBe('');
});
