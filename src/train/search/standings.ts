/** Where the configurations of a sweep stand while their heads finish. */
import type { MetricName } from '../../shared/head/config.ts';
import { type HeadResult, rankResults } from '../results/result.ts';
import type { TrainedHead } from '../sweep/head-progress.ts';
import { type Configuration, configurationId, summariseRuns } from './configurations.ts';

export interface Standings {
  /** Takes in a finished head and returns its configuration's line so far. */
  add(trained: TrainedHead): HeadResult;
  /** Every finished head. */
  readonly runs: readonly HeadResult[];
  /** One line for each configuration that has a finished head. */
  lines(): HeadResult[];
  /** The line of a head's configuration. */
  lineOf(trained: TrainedHead): HeadResult;
  /** The heads of a configuration, the best first. */
  runsOf(id: string): HeadResult[];
  /** The best single head, with its parameters: those of thousands would not fit in memory. */
  readonly leader: TrainedHead | undefined;
}

/** @param metric the validation metric that ranks heads and configurations */
export function createStandings(configurations: readonly Configuration[], metric: MetricName): Standings {
  const byId = new Map(configurations.map((configuration) => [configuration.id, configuration]));
  const runs: HeadResult[] = [];
  const runsById = new Map<string, HeadResult[]>();
  let leader: TrainedHead | undefined;
  const line = (id: string): HeadResult => {
    const configuration = byId.get(id);
    if (!configuration) throw new Error(`The sweep has no configuration ${id}`);
    return summariseRuns(configuration, runsById.get(id) ?? []);
  };
  return {
    runs,
    get leader() {
      return leader;
    },
    add(trained) {
      const { result } = trained;
      const id = configurationId(result.id);
      runs.push(result);
      runsById.set(id, [...(runsById.get(id) ?? []), result]);
      const [first] = rankResults(leader ? [leader.result, result] : [result], metric);
      if (first === result && result.bestEpoch > 0 && result.status !== 'diverged') leader = trained;
      return line(id);
    },
    lineOf: ({ result }) => line(configurationId(result.id)),
    lines: () => [...runsById.keys()].map(line),
    runsOf: (id) => rankResults(runsById.get(id) ?? [], metric),
  };
}
