/** Search with one validation part: every head is trained on the training part and compared on validation. */
import { loadEngine } from '../../shared/engines/engine.ts';
import { predictAll } from '../predict-all.ts';
import { partEvaluation, prepareInPlace, type RawData } from '../prepare.ts';
import type { SweepData } from '../sweep/data.ts';
import { jobsOf } from './configurations.ts';
import { halve, type Rung } from './halving.ts';
import { compete, type Found, type Search, trainAgain, winningLine } from './search.ts';

/**
 * The head with the best validation value; of a configuration with several seeds, chosen by the mean over them, the
 * best of its heads. Undefined when no head could be trained.
 * @param rungs of successive halving; default: every head trains to its end
 */
export async function holdOut(
  raw: RawData,
  rows: SweepData['rows'],
  search: Search,
  rungs?: readonly Rung[],
): Promise<Found | undefined> {
  const { configurations, standings } = search;
  const prepared = prepareInPlace(raw, rows, new Set(configurations.map(({ config }) => config.normalize)));
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  await (rungs ? halve([prepared.data], search, rungs) : compete(jobs, [prepared.data], search));

  const { leader } = standings;
  if (!leader) return undefined;
  // An interrupted sweep has no time to train a head again.
  const winner = search.signal.aborted ? standings.lineOf(leader) : winningLine(search);
  const [best] = search.signal.aborted ? [leader.result] : standings.runsOf(winner.id);
  const job = jobs.filter(({ id }) => id === best.id).map((one) => ({ ...one, lastEpoch: best.epochs }));
  const [head] = best === leader.result ? [leader] : await trainAgain(job, [prepared.data], search);
  const engine = await loadEngine(search.engine, { threads: 1 });
  const probabilities = await predictAll(engine, head, prepared.data, rows.train + rows.val);
  return {
    head: { ...head, result: { ...head.result, id: winner.id } },
    prepared,
    validation: partEvaluation(prepared.data, probabilities, 'val'),
    line: winner,
  };
}
