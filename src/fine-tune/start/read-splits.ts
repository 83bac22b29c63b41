/** Which images a run trained, validated and tested on, and with which labels: predictions.csv says so of each. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'csv-parse';
import { InputError, messageOf, unexpected } from '../../shared/errors.ts';
import { labelReader } from '../../shared/manifest/labels.ts';
import { PREDICTIONS_FILE } from '../../shared/results/write.ts';
import { SPLITS, type Split } from '../../shared/store/schema.ts';

/** What a run knew of one row of its store. */
export interface RunImage {
  split: Split | null;
  labels: string[];
}

const COLUMNS = ['path', 'split', 'labels'] as const;

/**
 * The images of the run that a head's folder is part of, by their paths; where one path stood for several rows, in their order.
 * @throws InputError where the head does not lie in its run, and for a file that is none of a run
 */
export async function readRunImages(headFolder: string): Promise<Map<string, RunImage[]>> {
  const path = join(dirname(resolve(headFolder)), PREDICTIONS_FILE);
  if (!(await stat(path).catch(() => undefined)))
    throw new InputError(
      `Expected ${path}, which says which images the head was trained and tested on, but there is no such file: give the folder best where train-head left it`,
    );
  const images = new Map<string, RunImage[]>();
  const labels = labelReader();
  const rows = createReadStream(path).pipe(parse({ bom: true, columns: checkColumns(path) }));
  try {
    for await (const row of rows as AsyncIterable<Record<(typeof COLUMNS)[number], string>>) {
      const where = `${row.path} in ${path}`;
      const split = row.split === '' ? null : SPLITS.find((name) => name === row.split);
      if (split === undefined) throw unexpected(SPLITS.join(', '), where, row.split);
      const image = { split, labels: row.labels === '' ? [] : labels.read(row.labels, where) };
      images.set(row.path, [...(images.get(row.path) ?? []), image]);
    }
  } catch (thrown) {
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(`Cannot read ${path}: ${messageOf(thrown)}`);
  }
  return images;
}

function checkColumns(path: string): (header: string[]) => string[] {
  return (header) => {
    for (const name of COLUMNS)
      if (!header.includes(name)) throw unexpected(`a column ${name}`, path, header.slice(0, 4));
    return header;
  };
}
