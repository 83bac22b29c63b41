/**
 * `npx tsx bench/label-errors.ts STORE [TRIALS [SEED]]`: plants five wrong labels, twenty times by default, and says how
 * the ranking finds them. Of photos with several labels only those with one are looked at.
 */
import { silent } from '../src/shared/cli/terminal.ts';
import { random } from '../src/shared/random.ts';
import { separability } from '../src/train/analysis/separability.ts';
import { readFeatures } from '../src/train/dataset/features.ts';
import { encodeLabels } from '../src/train/dataset/labels.ts';

const PLANTED = 5;
const FIRST = 25;

const [store, trials = '20', seed = '0'] = process.argv.slice(2);
const table = await readFeatures([{ features: [store], pooling: [] }], silent);
const [set] = table.sets;
const rows = table.labels.flatMap((labels, row) => (labels.length === 1 ? [row] : []));
const kept = new Set(rows);
const views = table.views.map((view, row) => (kept.has(row) ? view : 1));
const names = [...new Set(rows.map((row) => table.labels[row][0]))];
let found = 0;
let complete = 0;
let milliseconds = 0;
for (let trial = 0; trial < Number(trials); trial++) {
  const stream = random(Number(seed) + trial, 'planted label errors');
  const labels = table.labels.map((own, row) => (kept.has(row) ? own : [names[0]]));
  const planted = new Set<number>();
  while (planted.size < PLANTED) planted.add(rows[stream.integer(rows.length)]);
  for (const row of planted) {
    const others = names.filter((name) => name !== labels[row][0]);
    labels[row] = [others[stream.integer(others.length)]];
  }
  const { task, classes, targets } = encodeLabels(labels, 'multiclass');
  const started = performance.now();
  const { suspects } = separability({
    ...{ matrix: set.matrix, inputs: set.inputs, hashes: table.hashes, views },
    ...{ targets, classes: classes.length, task },
  });
  milliseconds += performance.now() - started;
  const ranks = [...planted].map((row) => suspects.findIndex((suspect) => suspect.row === row) + 1);
  const inTime = ranks.filter((rank) => rank > 0 && rank <= FIRST).length;
  found += inTime;
  complete += inTime === PLANTED ? 1 : 0;
  console.log(`trial ${trial}: ranks ${ranks.join(' ')} of ${suspects.length} suspects`);
}
console.log(
  `${rows.length} photos: ${found} of ${Number(trials) * PLANTED} planted errors within the first ${FIRST}, all ${PLANTED} in ` +
    `${complete} of ${trials} trials; ${(milliseconds / Number(trials)).toFixed(0)} ms each`,
);
