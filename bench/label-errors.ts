/** `npx tsx bench/label-errors.ts STORE`: plants five wrong labels, twenty times, and says how the ranking finds them. */
import { silent } from '../src/shared/cli/terminal.ts';
import { random } from '../src/shared/random.ts';
import { separability } from '../src/train/analysis/separability.ts';
import { readFeatures } from '../src/train/dataset/features.ts';
import { encodeLabels } from '../src/train/dataset/labels.ts';

const TRIALS = 20;
const PLANTED = 5;
const FIRST = 25;

const table = await readFeatures([{ features: [process.argv[2]], pooling: [] }], silent);
const [set] = table.sets;
const names = [...new Set(table.labels.flat())];
let found = 0;
for (let trial = 0; trial < TRIALS; trial++) {
  const stream = random(trial, 'planted label errors');
  const labels = [...table.labels];
  const planted = new Set<number>();
  while (planted.size < PLANTED) planted.add(stream.integer(table.rows));
  for (const row of planted) {
    const others = names.filter((name) => name !== labels[row][0]);
    labels[row] = [others[stream.integer(others.length)]];
  }
  const { task, classes, targets } = encodeLabels(labels, 'multiclass');
  const { suspects } = separability({
    ...{ matrix: set.matrix, inputs: set.inputs, hashes: table.hashes, views: table.views },
    ...{ targets, classes: classes.length, task },
  });
  const ranks = [...planted].map((row) => suspects.findIndex((suspect) => suspect.row === row) + 1);
  found += ranks.filter((rank) => rank > 0 && rank <= FIRST).length;
  console.log(`trial ${trial}: ranks ${ranks.join(' ')} of ${suspects.length} suspects`);
}
console.log(`${found} of ${TRIALS * PLANTED} planted errors within the first ${FIRST}`);
