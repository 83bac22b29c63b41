/**
 * Files that only the build makes: the code of workers and processes, WebAssembly, and the report's page. Built code finds
 * them beside itself; sources (under tsx or vitest) take those of the last build, and refuse one older than they are.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InputError } from './errors.ts';

/** Finds built files by their paths below the build. */
export interface BuiltFiles {
  /** A file made of the sources in the folder of the same name: `shared/training/kernels/kernels.wasm`. */
  asset(path: string): URL;
  /** A compiled module, for a thread or a process that starts with it: `train/sweep/worker.js`. */
  module(path: string): URL;
}

/**
 * @param build folder of the build
 * @param sources folder of the sources, where those run; undefined where the build runs itself
 * @throws InputError, from what it returns, where a file is missing or older than its sources
 */
export function findBuiltFiles(build: string, sources: string | undefined): BuiltFiles {
  /** Modules import each other: all must be up to date, which is found out once. */
  let areModulesChecked = false;
  return {
    asset(path) {
      const file = join(build, path);
      if (sources) for (const source of filesBelow(join(sources, dirname(path)))) refuseStale(file, source);
      return pathToFileURL(file);
    },
    module(path) {
      if (sources && !areModulesChecked)
        for (const source of modulesOf(sources)) refuseStale(compiled(source), source);
      areModulesChecked = true;
      return pathToFileURL(join(build, path));
    },
  };

  function compiled(source: string): string {
    return join(build, relative(sources ?? '', source).replace(/\.ts$/, '.js'));
  }
}

function refuseStale(file: string, source: string): void {
  if (existsSync(file) && statSync(file).mtimeMs >= statSync(source).mtimeMs) return;
  const found = existsSync(file) ? 'an older one' : 'none';
  throw new InputError(`Expected ${file} built after ${source} but found ${found}: npm run build`);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Sources that are compiled to a module each; kernels and the page are not. */
function modulesOf(sources: string): string[] {
  return filesBelow(sources).filter(
    (file) => /(?<!\.d)\.ts$/.test(file) && !/[\\/](kernels|page)[\\/]/.test(file),
  );
}

const OWN = fileURLToPath(import.meta.url);
const ROOT = dirname(dirname(OWN));

export const builtFiles: BuiltFiles = OWN.endsWith('.ts')
  ? findBuiltFiles(join(dirname(ROOT), 'dist'), ROOT)
  : findBuiltFiles(ROOT, undefined);
