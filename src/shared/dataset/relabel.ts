/** Labels from a file instead of those stored with the features. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { InputError, unexpected } from '../errors.ts';
import type { ManifestOptions } from '../manifest/columns.ts';
import { readManifest } from '../manifest/read.ts';
import { hasManifestExtension } from '../manifest/rows.ts';
import { counted, plural } from '../plural.ts';
import type { Reporter } from '../reporter.ts';
import { causeOf } from '../store/files.ts';
import { type FeatureTable, keepRows } from './table.ts';

/**
 * The table with the labels, splits, groups and weights that a manifest gives for its paths, without the rows that it
 * does not name. The features stay as they are, so that nothing is extracted again; they move over, see `reorderRows`.
 * @param file a .csv, .tsv or .jsonl manifest whose paths are those of the store
 * @throws InputError when it cannot be read, names an image twice, or names none of the rows
 */
export async function relabel(
  table: FeatureTable,
  file: string,
  options: ManifestOptions,
  reporter: Reporter,
): Promise<FeatureTable> {
  const found = await stat(file).catch((thrown: unknown) => {
    throw new InputError(`Cannot read ${file} (--labels): ${causeOf(thrown)}`);
  });
  if (!found.isFile() || !hasManifestExtension(file)) {
    throw unexpected('a .csv, .tsv or .jsonl file', '--labels', file);
  }
  const rowsOf = rowsByPath(table.paths);
  const [labels, splits, groups] = [[...table.labels], [...table.splits], [...table.groups]];
  const named = new Set<number>();
  const weights: number[] = [];
  let unknown = 0;
  let first: string | undefined;
  const rows = readManifest(file, createReadStream(file), options, reporter);
  for await (const { path, where, weight, ...entry } of rows) {
    const own = rowsOf(path);
    if (!own) {
      unknown++;
      first ??= path;
    }
    for (const row of own ?? []) {
      if (named.has(row)) throw unexpected('each image once', where, path);
      named.add(row);
      labels[row] = entry.labels;
      splits[row] = entry.split;
      groups[row] = entry.group;
      if (weight !== undefined) weights[row] = weight;
    }
  }
  if (named.size === 0) {
    throw new InputError(
      `Expected paths like ${JSON.stringify(table.paths[0])} in ${file} but none of its ${unknown}, such as ${JSON.stringify(first)}, is in the feature store`,
    );
  }
  if (unknown > 0)
    reporter.warn(
      `${counted(unknown, 'image')} of ${file} ${plural(unknown, 'is', 'are')} not in the feature store`,
    );
  const without = table.rows - named.size;
  const changed = { ...table, labels, splits, groups, weights: weights.length > 0 ? weights : null };
  if (without === 0) return changed;
  reporter.warn(
    `${without} of ${counted(table.rows, 'row')} ${plural(without, 'has', 'have')} no labels in ${file} and ${plural(without, 'is', 'are')} left out`,
  );
  return keepRows(changed, (row) => named.has(row));
}

/** Finds the rows of a path as it was written: with folders separated either way, in either Unicode form. */
function rowsByPath(paths: readonly string[]): (written: string) => readonly number[] | undefined {
  const exact = new Map<string, number[]>();
  for (const [row, path] of paths.entries()) {
    const existing = exact.get(path);
    if (existing) existing.push(row);
    else exact.set(path, [row]);
  }
  const composed = new Map<string, number[]>();
  for (const [path, rows] of exact)
    if (path.normalize('NFC') !== path) composed.set(path.normalize('NFC'), rows);
  const find = (path: string) =>
    exact.get(path) ?? exact.get(path.normalize('NFC')) ?? composed.get(path.normalize('NFC'));
  return (written) => find(posix.normalize(written)) ?? find(posix.normalize(written.replaceAll('\\', '/')));
}
