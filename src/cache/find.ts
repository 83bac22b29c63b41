/** Finds the feature stores and the cached activations below a folder. */
import { join } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { ACTIVATIONS_FORMAT } from '../shared/store/activations/schema.ts';
import { codeOf, disk, diskError } from '../shared/store/files.ts';
import { MANIFEST_FILE } from '../shared/store/schema.ts';

/** Folders with a manifest.json, in code-unit order. */
export interface Found {
  stores: string[];
  activations: string[];
}

/**
 * What is at or below `roots`, each folder once. Links are not followed.
 * @param mustHold whether each root must hold a store or activations
 * @throws InputError for a root that is not there
 */
export async function findStores(roots: readonly string[], { mustHold = false } = {}): Promise<Found> {
  const found = new Set<string>();
  for (const root of roots) {
    const dirs = await below(root, true);
    if (mustHold && dirs.length === 0) throw new InputError(`No feature store at or below ${root}`);
    for (const dir of dirs) found.add(dir);
  }
  const [stores, activations]: string[][] = [[], []];
  for (const dir of [...found].sort()) ((await holdsActivations(dir)) ? activations : stores).push(dir);
  return { stores, activations };
}

/** By how a manifest begins, also one that is damaged further on. */
async function holdsActivations(dir: string): Promise<boolean> {
  const json = await disk.readFile(join(dir, MANIFEST_FILE), 'utf8').catch(() => '');
  return json.slice(0, 100).includes(`"${ACTIVATIONS_FORMAT}"`);
}

async function below(dir: string, requested = false): Promise<string[]> {
  const entries = await disk.readdir(dir, { withFileTypes: true }).catch((thrown: unknown) => {
    if (!requested) return [];
    if (codeOf(thrown) === 'ENOENT') throw new InputError(`No such folder: ${dir}`);
    throw diskError('read', dir, thrown);
  });
  const stores = entries.some((entry) => entry.isFile() && entry.name === MANIFEST_FILE) ? [dir] : [];
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
      stores.push(...(await below(join(dir, entry.name))));
  }
  return stores;
}
