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
import { openStore } from '../shared/store/reader.ts';
import { shownBytes } from '../shared/values.ts';
import { type Start, targetsOf } from './start/open.ts';

/** What is written for {@link chooseCut}. */
export const AUTO = 'auto';

/** Where nothing speaks for more. */
const LAST_BLOCK = 'last-block';

/** What a cut may take unless a flag names it. */
const MAX = {
  /** Bytes of activations. */
  bytes: 10e9,
  /** Seconds of one training. */
  seconds: 900,
  /** Share of the backbone's work for one image: what is trained beyond it gains little on few images. */
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

/** The layer to begin at, which a line explains. @throws InputError for a damaged store */
export async function chooseCut(start: Start, costs: Costs, reporter: Reporter): Promise<string> {
  const { pipeline, columns } = start.source;
  const network = describeBackbone({ name: pipeline.backbone, size: pipeline.size, poolings: columns });
  const [{ layer: least }] = findCut(network, LAST_BLOCK).trained;
  const gap = await probeGap(start);
  if (gap === undefined || gap.depths - gap.last < CLEAR_GAP) {
    const why = gap
      ? `a linear probe has ${TELLING[start.head.record.task]} ${shownScores(gap)}, so that the images are near to what ${pipeline.backbone} knows`
      : 'the store has no earlier layers to say how far the images are from what the backbone knows';
    reporter.info(`Training from ${least}, the last block (--from auto): ${why}`);
    return least;
  }
  const { limits, fits } = withinLimits(costs);
  const candidates = cutCandidates(network).filter(
    ({ tailWork, frontWork }) => tailWork <= MAX.work * (tailWork + frontWork),
  );
  const chosen = candidates.find(fits) ?? candidates.at(-1);
  const from = chosen?.cut.trained[0].layer ?? least;
  reporter.info(
    `Training from ${from} (--from auto): a linear probe has ${TELLING[start.head.record.task]} ${shownScores(gap)}, so that more than the last block is worth training; ${limits}`,
  );
  return from;
}

function shownScores({ last, depths }: { last: number; depths: number }): string {
  return `${last.toFixed(3)} on the last layer and ${depths.toFixed(3)} on all depths`;
}

function withinLimits({ rows, bytesPerNumber, epochs, workers, maxBytes = MAX.bytes }: Costs) {
  const bytes = ({ keptNumbers }: CutCandidate) => keptNumbers * bytesPerNumber * rows.cached;
  const seconds = ({ stepWork }: CutCandidate) => (stepWork * rows.trained * epochs) / (SPEED * workers);
  return {
    fits: (candidate: CutCandidate) => bytes(candidate) <= maxBytes && seconds(candidate) <= MAX.seconds,
    limits: `the earliest layer with at most ${shownBytes(maxBytes)} of activations and about ${MAX.seconds / 60} minutes a training`,
  };
}

/** Scores of a linear probe on the last layer and on all depths, for images that it has not seen; undefined where there are no depths. */
async function probeGap({
  store,
  table,
  head,
}: Start): Promise<{ last: number; depths: number } | undefined> {
  const { task, classes } = head.record;
  // What is chosen with a test image's label is no longer tested by it.
  const rows = distinctRows(table, MAX_IMAGES).filter((row) => table.splits[row] !== 'test');
  const columns = await readColumns(await openStore(store), table.hashes, rows);
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
