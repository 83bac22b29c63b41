/** `--from auto`: where to cut, by what earlier layers know, the disk and the time. */
import { CLEAR_GAP } from '../shared/analysis/depth-gap.ts';
import { distinctRows, linearProbe, probeSpace } from '../shared/analysis/separability.ts';
import { type CutCandidate, cutCandidates } from '../shared/backbones/cut/candidates.ts';
import { findCut } from '../shared/backbones/cut/find.ts';
import { describeBackbone } from '../shared/backbones/load.ts';
import { pickHashes } from '../shared/dataset/content-hashes.ts';
import { selectTargets } from '../shared/dataset/labels.ts';
import { type Columns, readColumns } from '../shared/dataset/read-columns.ts';
import { TELLING } from '../shared/diagnosis/learning.ts';
import { evaluate } from '../shared/metrics/evaluate.ts';
import type { Reporter } from '../shared/reporter.ts';
import { shownBytes } from '../shared/values.ts';
import { type Start, targetsOf } from './start/open.ts';

/** What is written for {@link chooseCut}. */
export const AUTO = 'auto';

/** What a cut may take unless a flag names it. */
const MAX = {
  /** Bytes of activations. */
  bytes: 10 * 2 ** 30,
  /** Minutes of one training: images that earlier layers tell more of than the last one are worth more. */
  minutes: { near: 5, far: 15 },
  /** Share of the backbone's work for one image: what is trained beyond it gains little. */
  work: 0.5,
};

/** Multiply-adds a second and core of training steps, as measured on depthwise networks; others are twice as fast. */
const SPEED = 2.5e10;

/** What decides, beside the head. */
interface Costs {
  /** Activations that are cached, and those that are trained on in one epoch. */
  rows: { cached: number; trained: number };
  bytesPerNumber: number;
  epochs: number;
  workers: number;
  /** What `--max-cache` allows. */
  maxBytes: number | undefined;
}

/**
 * The layer to begin at: the earliest that is affordable, since even where images are near to those that the backbone knows, the last
 * block alone gained less than the last five. A line says why.
 * @throws InputError for a damaged store
 */
export async function chooseCut(start: Start, costs: Costs, reporter: Reporter): Promise<string> {
  const { pipeline, columns } = start.source;
  const network = describeBackbone({ name: pipeline.backbone, size: pipeline.size, poolings: columns });
  const gap = await probeGap(start);
  const distance = gap && gap.depths - gap.last >= CLEAR_GAP ? 'far' : 'near';
  const { maxBytes = MAX.bytes } = costs;
  const minutes = MAX.minutes[distance];
  const candidates = cutCandidates(network).filter(
    ({ tailWork, frontWork }) => tailWork <= MAX.work * (tailWork + frontWork),
  );
  const chosen = candidates.find((one) => isWithin(one, costs, { maxBytes, minutes })) ?? candidates.at(-1);
  const from = chosen?.cut.trained[0].layer ?? findCut(network, LAST_BLOCK).trained[0].layer;
  const metric = TELLING[start.head.record.task];
  const why = gap
    ? `; a linear probe has ${metric} ${gap.last.toFixed(3)} on the last layer and ${gap.depths.toFixed(3)} on all depths, so that the images count as ${distance === 'far' ? 'far from' : 'near to'} those that ${pipeline.backbone} knows`
    : '';
  reporter.info(
    `Training from ${from} (--from auto): the earliest layer with at most half of the work, ${shownBytes(maxBytes)} of activations and about ${minutes} minutes a training${why}`,
  );
  return from;
}

/** Where no cut is affordable. */
const LAST_BLOCK = 'last-block';

function isWithin(
  { keptNumbers, stepWork }: CutCandidate,
  { rows, bytesPerNumber, epochs, workers }: Costs,
  { maxBytes, minutes }: { maxBytes: number; minutes: number },
): boolean {
  const seconds = (stepWork * rows.trained * epochs) / (SPEED * workers);
  return keptNumbers * bytesPerNumber * rows.cached <= maxBytes && seconds <= 60 * minutes;
}

/** Scores of a linear probe on the last layer and on all depths, for images that it has not seen; undefined where there are no depths. */
async function probeGap({ table, head }: Start): Promise<{ last: number; depths: number } | undefined> {
  const { task, classes } = head.record;
  // What is chosen with a test image's label is no longer tested by it.
  const rows = distinctRows(table, MAX_IMAGES).filter((row) => table.splits[row] !== 'test');
  const [{ store }] = table.stores;
  const columns = await readColumns(store, table.hashes, rows);
  if (!columns) return undefined;
  const targets = selectTargets(targetsOf(table.labels, classes), classes.length, rows);
  const hashes = pickHashes(table.hashes, rows);
  const score = ({ values, inputs }: Columns): number | null | undefined => {
    const space = probeSpace({ matrix: values, inputs, hashes, views: new Int16Array(rows.length) });
    const { data, scores } = linearProbe(space, { targets, classes: classes.length, task });
    const metric = TELLING[task];
    // Metrics that rank take numbers of at least 0.
    const least = scores.reduce((min, one) => Math.min(min, one), 0);
    return evaluate(
      {
        task,
        classes: classes.length,
        rows: data.rows,
        targets: data.targets,
        probabilities: scores.map((one) => one - least),
      },
      [metric],
    )[metric];
  };
  const [last, depths] = [score(columns.last), score(columns.depths)];
  return typeof last === 'number' && typeof depths === 'number' ? { last, depths } : undefined;
}

/** Images that the probes look at. */
const MAX_IMAGES = 1000;
