/** A store's images with the splits and labels that a run had for them. */
import { type FeatureTable, keepRows } from '../../shared/dataset/table.ts';
import { InputError } from '../../shared/errors.ts';
import { counted, plural } from '../../shared/plural.ts';
import type { Reporter } from '../../shared/reporter.ts';
import type { RunImage } from './read-splits.ts';

/** What {@link withRunImages} says in messages. */
interface Places {
  store: string;
  run: string;
  reporter: Reporter;
}

/**
 * The table with the run's splits and labels, without images that the run did not have or left out of all splits.
 * @throws InputError where an image of the run is not in the store
 */
export function withRunImages(
  table: FeatureTable,
  runImages: ReadonlyMap<string, readonly RunImage[]>,
  { store, run, reporter }: Places,
): FeatureTable {
  const seen = new Map<string, number>();
  const found = table.paths.map((path) => {
    // A run that was written for spreadsheets has an apostrophe before some paths.
    const key = runImages.has(path) ? path : `'${path}`;
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    return runImages.get(key)?.[place];
  });
  const missing = [...runImages].filter(([path, own]) => (seen.get(path) ?? 0) < own.length);
  if (missing.length > 0)
    throw new InputError(
      `Expected the images of ${run} in ${store} but ${counted(missing.length, 'image')} ${plural(missing.length, 'is', 'are')} not there, such as ${missing[0][0]}: pass --features with the store that the head was trained on`,
    );
  const unknown = found.filter((image) => image === undefined).length;
  if (unknown > 0)
    reporter.warn(
      `${counted(unknown, 'image')} of ${store} ${plural(unknown, 'was', 'were')} not in ${run} and ${plural(unknown, 'is', 'are')} left out`,
    );
  const changed = {
    ...table,
    splits: found.map((image) => image?.split ?? null),
    labels: found.map((image) => image?.labels ?? []),
  };
  return keepRows(changed, (row) => changed.splits[row] !== null);
}
