/**
 * Whether two builds give the same results: `npx tsx scripts/compare-builds.ts OTHER_CHECKOUT DATA...` (npm run build in
 * both first). Each build extracts, trains and predicts on each DATA; then this build trains on the other's store and
 * predicts with its head. Whatever differs, apart from times, is listed and makes the exit status 1.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';

const GRID = 'hidden=none,32;lr=1e-2;dropout=0,0.3;normalize=none,l2,standardize';
/** What may differ between two runs of one build. */
const TIMES = /"(seconds|totalSeconds|imagesPerSecond)": ?[\d.]+/g;

function run(checkout: string, cwd: string, args: readonly string[]): string {
  const command = join(checkout, 'dist', 'permafrost.js');
  return execFileSync(process.execPath, [command, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** The heads of the grid, on the store of the folder. */
function trainGrid(checkout: string, cwd: string, out: string): void {
  const flags = ['--features', 'store', '--grid', GRID, '--epochs', '10', '--no-report'];
  run(checkout, cwd, ['train-head', ...flags, '--out', out]);
}

/** Every step of one build on one data set, in a folder of its own. */
function results(checkout: string, data: string, cwd: string): void {
  mkdirSync(cwd, { recursive: true });
  run(checkout, cwd, ['extract', '--data', data, '--out', 'store', '--pooling', 'avg,max', '--json']);
  trainGrid(checkout, cwd, 'run');
  run(checkout, cwd, [
    'train-head',
    '--features',
    'store',
    '--optimizer',
    'lbfgs',
    '--grid',
    'l2=1e-2,1e-4',
    '--out',
    'exact',
    '--no-report',
  ]);
}

/** The files below a folder, as text in which times, file names of parts and the order of finished heads do not count. */
function contents(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('part-')) continue;
    const path = join(entry.parentPath, entry.name);
    const compare = COMPARABLE[entry.name] ?? ((file) => readFileSync(file, 'latin1'));
    found.set(relative(folder, path), compare(path));
  }
  return found;
}

/** Where two runs of one build may differ: what is compared of a file, by its name. */
const COMPARABLE: Readonly<Record<string, (path: string) => string>> = {
  'leaderboard.csv'(path) {
    const rows = parse(readFileSync(path), { columns: true }) as Record<string, string>[];
    return JSON.stringify(rows.map(({ seconds: _, ...row }) => row));
  },
  'history.arrow': (path) => rowsOf([path], 'seconds').sort().join('\n'),
  'metrics.json'(path) {
    const { diagnosis: _, ...report } = JSON.parse(readFileSync(path, 'utf8').replace(TIMES, '"$1": 0'));
    return JSON.stringify(report);
  },
  // Parts are cut by the clock while rows come in, so their rows are compared and not their bytes.
  'manifest.json'(path) {
    const { parts, seal: _, ...manifest } = JSON.parse(readFileSync(path, 'utf8'));
    const files = parts.map(({ file }: { file: string }) => join(path, '..', file));
    return JSON.stringify([manifest, rowsOf(files)]);
  },
};

/** Every row as JSON, without one of the columns. */
function rowsOf(files: readonly string[], without?: string): string[] {
  return files.flatMap((file) =>
    tableFromIPC(readFileSync(file))
      .toArray()
      .map((row) => JSON.stringify({ ...row.toJSON(), ...(without !== undefined && { [without]: 0 }) })),
  );
}

function differences(ours: Map<string, string>, others: Map<string, string>): string[] {
  const names = [...new Set([...ours.keys(), ...others.keys()])].sort();
  return names.filter((name) => ours.get(name) !== others.get(name));
}

const here = fileURLToPath(new URL('..', import.meta.url));
const [other, ...data] = process.argv.slice(2);
if (other === undefined || data.length === 0)
  throw new Error('Usage: compare-builds.ts OTHER_CHECKOUT DATA...');
const scratch = mkdtempSync(join(tmpdir(), 'permafrost-compare-'));
let differ = false;
const report = (what: string, names: readonly string[]): void => {
  console.log(`${what}: ${names.length === 0 ? 'equal' : `DIFFERENT: ${names.join(', ')}`}`);
  differ ||= names.length > 0;
};
try {
  for (const path of data.map((one) => resolve(one))) {
    const [own, old] = ['own', 'other'].map((name) => join(scratch, basename(path), name));
    results(here, path, own);
    results(resolve(other), path, old);
    report(`${path}, files`, differences(contents(own), contents(old)));
    const photos = ['--json', path];
    const answers = (checkout: string, head: string) =>
      run(checkout, old, ['predict', '--head', head, ...photos]);
    const expected = answers(resolve(other), join(own, 'run', 'best'));
    report(
      `${path}, predictions of the other build's head`,
      answers(here, join(old, 'run', 'best')) === expected ? [] : ['predict'],
    );
    trainGrid(here, old, 'again');
    const again = contents(join(old, 'again'));
    report(
      `${path}, heads on the other build's store`,
      differences(again, contents(join(old, 'run'))).filter((name) => name !== 'metrics.json'),
    );
  }
} finally {
  rmSync(scratch, { recursive: true });
}
if (differ) process.exitCode = 1;
