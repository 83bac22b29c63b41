/** The heads that came close to the chosen one, with their predictions, so that differences can be told from chance. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import { splitEvaluation } from '../../shared/dataset/prepare.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import type { Contender } from '../../shared/evaluation/diagnose-run.ts';
import { elementCount } from '../../shared/graph/value.ts';
import { headLayers, headParameters } from '../../shared/head/layers.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import { type HeadResult, rankResults } from '../../shared/training/result.ts';
import { predictAll } from '../evaluation/predict-all.ts';
import { type Found, type Search, trainAgain } from './search.ts';

/** Lines that are compared with the best, itself included. */
const MAX = 8;
/** Multiplications of training again, beyond which fewer lines are compared: a few seconds. */
const MAX_WORK = 5e10;

/**
 * The best lines of the leaderboard, the chosen one first, each with its best head. Heads whose parameters were not
 * kept, since those of hundreds would fill the memory, are trained again: the same job gives the same head. With folds,
 * only the chosen one has predictions for all rows.
 */
export async function contendersOf(found: Found, search: Search): Promise<Contender[]> {
  const { rows } = found.prepared.data;
  const { leaderboard } = search;
  const [own = found.head.result] = leaderboard.runsOf(found.line.id);
  const chosen = { id: found.line.id, run: own, validation: found.validation };
  if (rows.val === 0 || search.signal.aborted) return [chosen];
  const lines = closestLines(found, search);
  if (lines.length === 0) return [chosen];
  const lost = lines.filter(({ run }) => !leaderboard.kept.has(run.id));
  const heads = [...leaderboard.kept.values(), ...(await trainedAgain(lost, found, search))];
  const engine = await loadEngine(search.engine, { threads: 1 });
  const contenders = [chosen];
  for (const { id, run, source } of lines) {
    const head = heads.find(({ result }) => result.id === run.id);
    const data = found.data.get(source);
    // A head may be gone where the user interrupts.
    if (!data || !head || head.parameters.length === 0) continue;
    const probabilities = await predictAll(engine, head, data, rows.train + rows.val);
    contenders.push({ id, run, validation: splitEvaluation(data, probabilities, 'val') });
  }
  return contenders;
}

/** A line of the leaderboard with its best head, and what it was trained on. */
interface Line {
  id: string;
  run: HeadResult;
  source: number;
}

/** The best lines beside the chosen one, as many as would not take long to train again. */
function closestLines(found: Found, { leaderboard, configurations }: Search): Line[] {
  const lines: Line[] = [];
  let work = 0;
  for (const { id, status } of rankResults(leaderboard.lines(), found.line.config.monitor)) {
    const source = configurations.find((one) => one.id === id)?.source ?? 0;
    const data = found.data.get(source);
    if (id === found.line.id || status === 'diverged' || !data) continue;
    const [run] = leaderboard.runsOf(id);
    work += workOf(run, data);
    if (work > MAX_WORK || lines.length === MAX - 1) break;
    lines.push({ id, run, source });
  }
  return lines;
}

/**
 * The heads with the parameters of their best epochs. Most need no validation split for that, and no epoch beyond the
 * best one; plateau schedules follow validation, and lbfgs has no epochs.
 */
async function trainedAgain(lines: readonly Line[], { data }: Found, search: Search): Promise<TrainedHead[]> {
  const follows = ({ run: { config } }: Line) =>
    config.schedule === 'plateau' || config.optimizer === 'lbfgs';
  const job = ({ run: { id, config }, source }: Line, lastEpoch: number): HeadJob => {
    return { id, config, source, lastEpoch };
  };
  const whole = lines.filter(follows).map((line) => job(line, line.run.epochs));
  const short = lines.filter((line) => !follows(line)).map((line) => job(line, line.run.bestEpoch));
  const unvalidated = new Map(
    Array.from(data, ([source, own]) => [source, { ...own, rows: { ...own.rows, val: 0 } }]),
  );
  return [
    ...(whole.length > 0 ? await trainOnceMore(whole, data, search) : []),
    ...(short.length > 0 ? await trainOnceMore(short, unvalidated, search) : []),
  ];
}

/** Like trainAgain; none where the user has no more patience: the run is complete without. */
export async function trainOnceMore(
  jobs: readonly HeadJob[],
  data: ReadonlyMap<number, TrainingData>,
  search: Search,
): Promise<TrainedHead[]> {
  return trainAgain(jobs, data, search).catch((thrown: unknown) => {
    if (search.signal.aborted) return [];
    throw thrown;
  });
}

function workOf({ config, epochs }: HeadResult, { inputs, classes, rows }: TrainingData): number {
  const parameters = headParameters(headLayers(config, inputs, classes));
  return epochs * rows.train * parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
