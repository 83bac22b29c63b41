/**
 * `npx tsx bench/label-errors.ts STORE [TRIALS [SEED]]`: plants five wrong labels, twenty times by default, and says how
 * the ranking finds them. Where photos have one label each, another takes its place; where they have several, one is
 * added or taken away. Beside it stands each error planted alone, with the right labels of all other photos to learn from:
 * what it misses then, the features do not tell.
 */

import { linearProbe, probeSpace } from '../src/shared/analysis/separability.ts';
import { readFeatures } from '../src/shared/dataset/features.ts';
import { encodeLabels } from '../src/shared/dataset/labels.ts';
import { type Random, random } from '../src/shared/random.ts';
import { silent } from '../src/shared/reporter.ts';

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
    const present = removes ? 1 : 0;
    const labels = [...row.keys()].filter((label) => row[label] === present);
    const label = labels[stream.integer(labels.length)];
    row[label] = 1 - present;
    return { label, present: present === 1 };
  },
};

const [store, trials = '20', seed = '0'] = process.argv.slice(2);
const table = await readFeatures([{ features: [store], pooling: [] }], silent);
const [set] = table.sets;
const images = [...table.views.keys()].filter((row) => table.views[row] === 0);
const { task, classes, targets: right } = encodeLabels(table.labels, 'auto');
const space = probeSpace({ ...set, hashes: table.hashes, views: table.views });
type Remedy = ReturnType<Plant>;

/** The rank of each planted error among the likely label errors, from 1 (0: none of them), and whether the suggestion mends it. */
function ranksOf(planted: ReadonlyMap<number, Remedy>, targets: Uint8Array) {
  const { labelIssues } = linearProbe(space, { targets, classes: classes.length, task });
  return Array.from(planted, ([row, { label, present }]) => {
    const index = labelIssues.findIndex((issue) => issue.row === row);
    const { suggestion } = labelIssues[index] ?? {};
    return { rank: index + 1, isMended: suggestion?.label === label && suggestion.present === present };
  });
}

const isInTime = ({ rank }: { rank: number }) => rank > 0 && rank <= FIRST;
const found = { within: 0, mended: 0, complete: 0, alone: 0, completeAlone: 0 };
let milliseconds = 0;
for (let trial = 0; trial < Number(trials); trial++) {
  const stream = random(Number(seed) + trial, 'planted label errors');
  const targets = right.slice();
  const planted = new Map<number, Remedy>();
  const labelsOf = (of: Uint8Array, row: number) =>
    of.subarray(row * classes.length, (row + 1) * classes.length);
  while (planted.size < PLANTED) {
    const row = images[stream.integer(images.length)];
    if (!planted.has(row)) planted.set(row, PLANTS[task](labelsOf(targets, row), stream));
  }
  const started = performance.now();
  const ranks = ranksOf(planted, targets);
  milliseconds += performance.now() - started;
  const alone = [...planted].flatMap(([row, remedy]) => {
    const others = right.slice();
    labelsOf(others, row).set(labelsOf(targets, row));
    return ranksOf(new Map([[row, remedy]]), others);
  });
  const inTime = ranks.filter(isInTime);
  found.within += inTime.length;
  found.mended += inTime.filter(({ isMended }) => isMended).length;
  found.complete += Number(inTime.length === PLANTED);
  found.alone += alone.filter(isInTime).length;
  found.completeAlone += Number(alone.every(isInTime));
  const shown = ranks.map(({ rank }, index) => `${rank} (${alone[index].rank})`);
  console.log(`trial ${trial}: ranks, and alone: ${shown.join(', ')}`);
}
const all = Number(trials) * PLANTED;
console.log(
  `${images.length} photos, ${task}: ${found.within} of ${all} planted errors within the first ${FIRST} ` +
    `(${found.mended} with the right remedy), all ${PLANTED} in ${found.complete} of ${trials} trials; ` +
    `planted alone, ${found.alone} and ${found.completeAlone}; ${(milliseconds / Number(trials)).toFixed(0)} ms each`,
);
