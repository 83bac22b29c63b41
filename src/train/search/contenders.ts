/** The heads that came close to the chosen one, with their predictions, so that differences can be told from chance. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import { splitEvaluation } from '../../shared/dataset/prepare.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import type { Contender } from '../../shared/evaluation/diagnose-run.ts';
import { elementCount } from '../../shared/graph/value.ts';
import { headLayers, headParameters } from '../../shared/head/layers.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import { type HeadResult, rankResults } from '../../shared/training/result.ts';
import { predictAll } from '../evaluation/predict-all.ts';
import type { HeadJob } from '../sweep/plan.ts';
import { type Found, type Search, trainAgain } from './search.ts';

/** Lines that are compared with the best, itself included. */
const MAX = 8;
/** Multiplications of training again, beyond which fewer lines are compared: a few seconds. */
const MAX_WORK = 5e10;

/**
 * The best lines of the leaderboard, the chosen one first, each with its best head. Heads whose parameters were not
 * kept, since those of hundreds would fill the memory, are trained again: the same job gives the same head. Only lines
 * of the chosen head's source are compared; with folds, only the chosen one has predictions for all rows.
 */
export async function contendersOf(found: Found, search: Search): Promise<Contender[]> {
  const { data } = found.prepared;
  const { leaderboard, configurations } = search;
  const [own = found.head.result] = leaderboard.runsOf(found.line.id);
  const chosen = { id: found.line.id, run: own, validation: found.validation };
  if (data.rows.val === 0 || search.signal.aborted) return [chosen];
  const lines = rankResults(leaderboard.lines(), found.line.config.monitor)
    .filter(({ id, status }) => id !== found.line.id && status !== 'diverged')
    .filter(({ id }) => configurations.find((one) => one.id === id)?.source === found.source);
  const runs: { id: string; run: HeadResult }[] = [];
  let work = 0;
  for (const { id } of lines.slice(0, MAX - 1)) {
    const [run] = leaderboard.runsOf(id);
    work += workOf(run, data);
    if (work > MAX_WORK) break;
    runs.push({ id, run });
  }
  if (runs.length === 0) return [chosen];
  const lost = runs.filter(({ run }) => !leaderboard.kept.has(run.id));
  const heads = [
    ...leaderboard.kept.values(),
    ...(await trainedAgain(
      lost.map(({ run }) => run),
      found,
      search,
    )),
  ];
  const engine = await loadEngine(search.engine, { threads: 1 });
  const contenders = [chosen];
  for (const line of runs) {
    const head = heads.find(({ result }) => result.id === line.run.id);
    // A head may be gone where the user interrupts.
    if (!head || head.parameters.length === 0) continue;
    const probabilities = await predictAll(engine, head, data, data.rows.train + data.rows.val);
    contenders.push({ ...line, validation: splitEvaluation(data, probabilities, 'val') });
  }
  return contenders;
}

/**
 * The heads with the parameters of their best epochs. Most need no validation split for that, and no epoch beyond the
 * best one; plateau schedules follow validation, and lbfgs has no epochs.
 */
async function trainedAgain(
  runs: readonly HeadResult[],
  { prepared: { data }, source }: Found,
  search: Search,
): Promise<TrainedHead[]> {
  const follows = ({ config }: HeadResult) => config.schedule === 'plateau' || config.optimizer === 'lbfgs';
  const job = ({ id, config }: HeadResult, lastEpoch: number): HeadJob => ({ id, config, source, lastEpoch });
  const whole = runs.filter(follows).map((run) => job(run, run.epochs));
  const short = runs.filter((run) => !follows(run)).map((run) => job(run, run.bestEpoch));
  const unvalidated = { ...data, rows: { ...data.rows, val: 0 } };
  return [
    ...(whole.length > 0 ? await trainOnceMore(whole, source, data, search) : []),
    ...(short.length > 0 ? await trainOnceMore(short, source, unvalidated, search) : []),
  ];
}

/** Like trainAgain; none where the user has no more patience: the run is complete without. */
export async function trainOnceMore(
  jobs: readonly HeadJob[],
  source: number,
  data: TrainingData,
  search: Search,
): Promise<TrainedHead[]> {
  return trainAgain(jobs, new Map([[source, data]]), search).catch((thrown: unknown) => {
    if (search.signal.aborted) return [];
    throw thrown;
  });
}

function workOf({ config, epochs }: HeadResult, { inputs, classes, rows }: TrainingData): number {
  const parameters = headParameters(headLayers(config, inputs, classes));
  return epochs * rows.train * parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
