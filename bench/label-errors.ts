/**
 * `npx tsx bench/label-errors.ts STORE [TRIALS [SEED]]`: plants five wrong labels, twenty times by default, and says how
 * the ranking finds them. Where photos have one label each, another takes its place; where they have several, one is
 * added or taken away.
 */
import { silent } from '../src/shared/cli/terminal.ts';
import { type Random, random } from '../src/shared/random.ts';
import { separability } from '../src/train/analysis/separability.ts';
import { readFeatures } from '../src/train/dataset/features.ts';
import { encodeLabels } from '../src/train/dataset/labels.ts';

const PLANTED = 5;
const FIRST = 25;

/** Changes the targets of one row, and says what would mend them. */
type Plant = (row: Uint8Array, stream: Random) => { label: number; present: boolean };

const PLANTS: Readonly<Record<'multiclass' | 'multilabel', Plant>> = {
  multiclass(row, stream) {
    const right = row.indexOf(1);
    row[right] = 0;
    row[(right + 1 + stream.integer(row.length - 1)) % row.length] = 1;
    return { label: right, present: true };
  },
  // As often added as taken away, which photos with few of many labels would not give by chance.
  multilabel(row, stream) {
    const removes = row.includes(1) && (stream.uniform() < 0.5 || !row.includes(0));
    const held = removes ? 1 : 0;
    const labels = [...row.keys()].filter((label) => row[label] === held);
    const label = labels[stream.integer(labels.length)];
    row[label] = 1 - held;
    return { label, present: held === 1 };
  },
};

const [store, trials = '20', seed = '0'] = process.argv.slice(2);
const table = await readFeatures([{ features: [store], pooling: [] }], silent);
const [set] = table.sets;
const images = [...table.views.keys()].filter((row) => table.views[row] === 0);
const { task, classes, targets: right } = encodeLabels(table.labels, 'auto');
const found = { within: 0, mended: 0, complete: 0 };
let milliseconds = 0;
for (let trial = 0; trial < Number(trials); trial++) {
  const stream = random(Number(seed) + trial, 'planted label errors');
  const targets = right.slice();
  const planted = new Map<number, ReturnType<Plant>>();
  while (planted.size < PLANTED) {
    const row = images[stream.integer(images.length)];
    if (planted.has(row)) continue;
    const labels = targets.subarray(row * classes.length, (row + 1) * classes.length);
    planted.set(row, PLANTS[task](labels, stream));
  }
  const started = performance.now();
  const { suspects } = separability({
    ...{ matrix: set.matrix, inputs: set.inputs, hashes: table.hashes, views: table.views },
    ...{ targets, classes: classes.length, task },
  });
  milliseconds += performance.now() - started;
  const ranks = [...planted].map(([row, { label, present }]) => {
    const at = suspects.findIndex((suspect) => suspect.row === row);
    const { suggestion } = suspects[at] ?? {};
    const isMended = suggestion?.label === label && suggestion.present === present;
    if (at >= 0 && at < FIRST) found.mended += isMended ? 1 : 0;
    return { rank: at + 1, shown: `${present ? '-' : '+'}${classes[label]} ${at + 1}` };
  });
  const inTime = ranks.filter(({ rank }) => rank > 0 && rank <= FIRST).length;
  found.within += inTime;
  found.complete += inTime === PLANTED ? 1 : 0;
  console.log(`trial ${trial}: ${ranks.map(({ shown }) => shown).join(', ')} of ${suspects.length} suspects`);
}
console.log(
  `${images.length} photos, ${task}: ${found.within} of ${Number(trials) * PLANTED} planted errors within the first ${FIRST} ` +
    `(${found.mended} with the right remedy), all ${PLANTED} in ${found.complete} of ${trials} trials; ` +
    `${(milliseconds / Number(trials)).toFixed(0)} ms each`,
);
