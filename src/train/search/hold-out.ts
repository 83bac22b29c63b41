/** Search with one validation split: every head is trained on the training split and compared on validation. */

import type { TrainingData } from '../../shared/dataset/data.ts';
import { prepareInPlace, type RawData, splitEvaluation } from '../../shared/dataset/prepare.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import { winningLine } from '../../shared/search/competition.ts';
import { jobsOf } from '../../shared/search/configurations.ts';
import { halve, type Rung } from '../../shared/search/halving.ts';
import { predictAll } from '../evaluation/predict-all.ts';
import { compete, type Found, normalizationsOf, type Search, sweepInto, trainAgain } from './search.ts';

/**
 * The head with the best validation value; of a configuration with several seeds, chosen by the mean over them, the
 * best of its heads. Undefined when no head could be trained.
 * @param rungs of successive halving; default: every head trains to its end
 */
export async function holdOut(
  raw: RawData,
  rows: TrainingData['rows'],
  search: Search,
  rungs?: readonly Rung[],
): Promise<Found | undefined> {
  const { configurations, sets, leaderboard } = search;
  const prepared = new Map(
    sets.map((set, source) => [
      source,
      prepareInPlace(raw, set, rows, normalizationsOf(configurations, source)),
    ]),
  );
  const data = new Map([...prepared].map(([source, own]) => [source, own.data]));
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  await (rungs
    ? halve(search, rungs, (some, outcomes) => sweepInto(some, data, search, outcomes))
    : compete(jobs, data, search));

  const { leader } = leaderboard;
  if (!leader) return undefined;
  // An interrupted sweep has no time to train a head again.
  const winner = search.signal.aborted ? leaderboard.lineOf(leader) : winningLine(search);
  const [best] = search.signal.aborted ? [leader.result] : leaderboard.runsOf(winner.id);
  const job = jobs.filter(({ id }) => id === best.id).map((one) => ({ ...one, lastEpoch: best.epochs }));
  const [head] = best === leader.result ? [leader] : await trainAgain(job, data, search);
  const source = configurations.find(({ id }) => id === winner.id)?.source ?? 0;
  const own = prepared.get(source);
  if (!own) throw new Error(`The search has no source ${source}`);
  const engine = await loadEngine(search.engine, { threads: 1 });
  const probabilities = await predictAll(engine, head, own.data, rows.train + rows.val);
  return {
    head: { ...head, result: { ...head.result, id: winner.id } },
    prepared: own,
    source,
    data,
    validation: splitEvaluation(own.data, probabilities, 'val'),
    line: winner,
  };
}
