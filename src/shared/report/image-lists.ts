/** Which images the report shows: errors, likely label errors, duplicates, cells of the matrix, and the map. */

import { firstWithHash } from '../dataset/content-hashes.ts';
import { spreadRows } from '../dataset/row-numbers.ts';
import { argmax, predictedLabels } from '../head/predicted-labels.ts';
import type { Training } from '../results/training.ts';
import { labelKey } from '../store/conflicts.ts';
import { wrongPredictions } from './curves.ts';
import type { ReportData } from './data.ts';
import type { Gallery } from './gallery.ts';

/** What is shown of long lists. */
const MAX = {
  wrong: 60,
  labelIssues: 60,
  duplicates: 30,
  ofOneCell: 24,
  points: 1500,
};

type ImageLists = Pick<
  ReportData,
  'wrong' | 'labelIssues' | 'labelIssueCount' | 'duplicates' | 'duplicateCount' | 'cells' | 'map'
>;

/** The lists of images, added to the gallery in the order in which thumbnails matter. */
export function imageListsOf(training: Training, gallery: Gallery): ImageLists {
  const wrong = wrongIn(training, gallery);
  const labelIssues = labelIssuesIn(training, gallery);
  const duplicates = duplicatesIn(training);
  return {
    wrong,
    labelIssues,
    labelIssueCount: training.separability.labelIssues.length,
    duplicates: duplicates.slice(0, MAX.duplicates).map(({ rows, conflict }) => ({
      images: rows.map((row) => gallery.add(row)),
      conflict,
    })),
    duplicateCount: duplicates.length,
    cells: cellsIn(training, gallery),
    map: mapOf(training, gallery),
  };
}

/** The row of the table behind a row of the evaluated split. */
function evaluatedRows({ splits, evaluated }: Training): number[] {
  return [...splits.keys()].filter((row) => splits[row] === evaluated.split);
}

/** Whether each evaluated prediction has its image: with folds and no test split, predictions are those of all folds, one after the other. */
export function isTraced(training: Training): boolean {
  return evaluatedRows(training).length === training.evaluated.evaluation.rows;
}

function wrongIn(training: Training, gallery: Gallery): ReportData['wrong'] {
  const rows = evaluatedRows(training);
  if (!isTraced(training)) return [];
  return wrongPredictions(training.evaluated.evaluation)
    .slice(0, MAX.wrong)
    .map(({ row, label, present, confidence }) => ({
      image: gallery.add(rows[row]),
      predicted: `${present ? '' : 'not '}${training.classes[label]}`,
      confidence,
    }));
}

function labelIssuesIn(
  { separability, classes, task }: Training,
  gallery: Gallery,
): ReportData['labelIssues'] {
  return separability.labelIssues
    .slice(0, MAX.labelIssues)
    .map(({ row, suggestion: { label, present }, margin }) => ({
      image: gallery.add(row),
      suggestion: task === 'multiclass' ? classes[label] : `${present ? 'add' : 'remove'} ${classes[label]}`,
      margin,
    }));
}

/** Conflicts first, then the largest sets. */
function duplicatesIn({ table }: Training): { rows: number[]; conflict: boolean }[] {
  const first = firstWithHash(table.hashes, (row) => table.views[row] === 0);
  const copies = new Map<number, number[]>();
  for (const [row, same] of first.entries())
    if (same >= 0 && same !== row) copies.set(same, [...(copies.get(same) ?? [same]), row]);
  return [...copies.values()]
    .map((rows) => ({ rows, conflict: new Set(rows.map((row) => labelKey(table.labels[row]))).size > 1 }))
    .sort((a, b) => Number(b.conflict) - Number(a.conflict) || b.rows.length - a.rows.length);
}

/** Images in each cell: `actual:predicted`, or of a label `label:found|missed|false`. */
function cellsIn(training: Training, gallery: Gallery): ReportData['cells'] {
  const { evaluation } = training.evaluated;
  const rows = evaluatedRows(training);
  if (!isTraced(training)) return {};
  const { classes, targets, probabilities, task } = evaluation;
  const cells = new Map<string, number[]>();
  const put = (key: string, row: number) => {
    const existing = cells.get(key) ?? [];
    if (existing.length < MAX.ofOneCell) cells.set(key, [...existing, row]);
  };
  const isPredicted = predictedLabels(evaluation);
  for (const [index, row] of rows.entries()) {
    if (task === 'multiclass')
      put(`${argmax(targets, index, classes)}:${argmax(probabilities, index, classes)}`, row);
    else
      for (let label = 0; label < classes; label++) {
        const kind = KINDS[targets[index * classes + label]][isPredicted[index * classes + label]];
        if (kind) put(`${label}:${kind}`, row);
      }
  }
  return Object.fromEntries([...cells].map(([key, own]) => [key, own.map((row) => gallery.add(row))]));
}

/** By target and prediction; of what is correctly absent there is nothing to see. */
const KINDS: readonly (readonly [string | null, string])[] = [
  [null, 'false'],
  ['missed', 'found'],
];

function mapOf({ separability, table }: Training, gallery: Gallery): ReportData['map'] {
  const { rows, map, mapShare } = separability;
  return {
    share: mapShare,
    points: Array.from(spreadRows(rows.length, MAX.points), (index) => ({
      x: Number(map[2 * index].toPrecision(4)),
      y: Number(map[2 * index + 1].toPrecision(4)),
      label: table.labels[rows[index]].join(' + ') || 'no label',
      image: gallery.add(rows[index]),
    })),
  };
}
