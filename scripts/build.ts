/**
 * `npm run build`: builds dist in a folder beside it, then puts every file in place and removes what the sources no longer
 * make. Whoever reads dist meanwhile, like a test that runs, finds each file whole, the old one or the new one.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

const TRAINING_KERNELS = ['training', 'logistic', 'gradient'].map(
  (name) => `src/shared/training/kernels/${name}.ts`,
);
const PAGE = ['main.ts', 'main.css'].map((name) => `src/shared/report/page/${name}`);

const PAGE_OPTIONS = ['--bundle', '--minify', '--target=es2022', '--format=iife', '--log-level=warning'];

/** What makes the build: a package's command and its arguments, given the folder to build in. */
const STEPS: readonly ((out: string) => [command: string, ...args: string[]])[] = [
  (out) => ['asc', ...TRAINING_KERNELS, ...kernelOptions(`${out}/shared/training/kernels/kernels.wasm`)],
  (out) => [
    'asc',
    'src/shared/images/kernels/resample.ts',
    ...kernelOptions(`${out}/shared/images/kernels/kernels.wasm`),
  ],
  (out) => ['tsc', '-p', 'tsconfig.build.json', '--outDir', out],
  (out) => ['esbuild', ...PAGE, ...PAGE_OPTIONS, `--outdir=${out}/shared/report/page`],
];

function kernelOptions(outFile: string): string[] {
  return ['--config', 'asconfig.json', '--target', 'release', '--outFile', outFile];
}

async function build(): Promise<void> {
  // Beside dist, since a rename must not leave the disk.
  const fresh = mkdtempSync(join(ROOT, 'dist.'));
  try {
    const out = relative(ROOT, fresh);
    const results = await Promise.allSettled(STEPS.map((step) => run(...step(out))));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    replaceFolder(fresh, join(ROOT, 'dist'));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(join(ROOT, 'node_modules', '.bin', command), args, {
      cwd: ROOT,
      shell: process.platform === 'win32',
    });
  } catch (thrown) {
    const { stdout, stderr } = thrown as { stdout: string; stderr: string };
    throw new Error(`${command} failed:\n${stdout}${stderr}`);
  }
}

/** Moves all files of `fresh` to `folder`, one by one, and removes the others there. */
export function replaceFolder(fresh: string, folder: string): void {
  const files = filesBelow(fresh);
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    renameSync(join(fresh, file), join(folder, file));
  }
  const kept = new Set(files);
  for (const file of filesBelow(folder)) if (!kept.has(file)) rmSync(join(folder, file));
  removeEmptyFolders(folder);
}

/** Paths from the folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await build().catch((thrown: Error) => {
    console.error(thrown.message);
    process.exitCode = 1;
  });
}
