/** Labels as people write them, turned into a task, a list of classes and a 0/1 target matrix. */

import { unexpected } from '../errors.ts';
import type { Task } from '../head/config.ts';

/** What the heads are trained to predict. */
export interface EncodedLabels {
  task: Task;
  /** Sorted by UTF-16 code unit, so that the order is the same on every machine. */
  classes: string[];
  /** rows x classes, row-major: 1 where the row has the label. */
  targets: Uint8Array;
}

/**
 * Encodes one list of labels per row; a label repeated within a row counts once.
 *
 * `auto` is multi-label when any row has several labels or none, and multiclass otherwise. A single class is enough
 * for a multi-label task (is it there or not?) as long as some rows lack it.
 * @param paths names the rows in messages
 * @throws InputError when there are too few classes, or a multiclass row has not exactly one label
 */
export function encodeLabels(
  labels: readonly (readonly string[])[],
  task: Task | 'auto',
  paths: readonly string[] = [],
): EncodedLabels {
  const single = (row: readonly string[]) => row.length === 1 || new Set(row).size === 1;
  const decided = task === 'auto' ? (labels.every(single) ? 'multiclass' : 'multilabel') : task;
  if (decided === 'multiclass') {
    const odd = labels.findIndex((row) => !single(row));
    if (odd >= 0) {
      const where = `${paths[odd] ?? `row ${odd + 1}`} (a multiclass task)`;
      throw unexpected('exactly one label', where, [...new Set(labels[odd])]);
    }
  }
  const seen = new Set<string>();
  for (const row of labels) for (const label of row) seen.add(label);
  const classes = [...seen].sort();
  const varies = classes.length > 1 || (decided === 'multilabel' && labels.some((row) => row.length === 0));
  if (classes.length === 0 || !varies) throw unexpected('at least two classes', 'the labels', classes[0]);

  const column = new Map(classes.map((name, index) => [name, index]));
  const targets = new Uint8Array(labels.length * classes.length);
  labels.forEach((row, index) => {
    for (const label of row) targets[index * classes.length + column.get(label)!] = 1;
  });
  return { task: decided, classes, targets };
}

/** The target rows at the given indices: rows.length x classes, row-major. */
export function selectTargets(targets: Uint8Array, classes: number, rows: ArrayLike<number>): Uint8Array {
  const selected = new Uint8Array(rows.length * classes);
  for (let to = 0; to < rows.length; to++) {
    const from = rows[to] * classes;
    selected.set(targets.subarray(from, from + classes), to * classes);
  }
  return selected;
}
