/** Where the configurations of a sweep stand while their heads finish. */
import type { MetricName } from '../head/config.ts';
import type { TrainedHead } from '../training/head-progress.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { type Configuration, configurationId, summariseRuns } from './configurations.ts';

export interface Leaderboard {
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
  /** The best single heads whose parameters are at hand, by id: as many as memory is spared for. */
  readonly kept: ReadonlyMap<string, TrainedHead>;
}

/** Heads whose parameters are kept beside the leader's, and all their numbers together: 64 MB. */
const MAX_KEPT = 32;
const MAX_KEPT_NUMBERS = 2 ** 24;

/** @param metric the validation metric that ranks heads and configurations */
export function createLeaderboard(configurations: readonly Configuration[], metric: MetricName): Leaderboard {
  const byId = new Map(configurations.map((configuration) => [configuration.id, configuration]));
  const runs: HeadResult[] = [];
  const runsById = new Map<string, HeadResult[]>();
  let leader: TrainedHead | undefined;
  let kept = new Map<string, TrainedHead>();
  const keep = (trained: TrainedHead): void => {
    const heads = new Map([...kept, [trained.result.id, trained]]);
    let room = MAX_KEPT_NUMBERS;
    kept = new Map();
    for (const { id } of rankResults(
      Array.from(heads.values(), ({ result }) => result),
      metric,
    )) {
      const head = heads.get(id)!;
      room -= head.parameters.length;
      if (room < 0 || kept.size === MAX_KEPT) break;
      kept.set(id, head);
    }
  };
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
    get kept() {
      return kept;
    },
    add(trained) {
      const { result } = trained;
      const id = configurationId(result.id);
      runs.push(result);
      runsById.set(id, [...(runsById.get(id) ?? []), result]);
      const [first] = rankResults(leader ? [leader.result, result] : [result], metric);
      if (first === result && result.bestEpoch > 0 && result.status !== 'diverged') leader = trained;
      if (trained.parameters.length > 0) keep(trained);
      return line(id);
    },
    lineOf: ({ result }) => line(configurationId(result.id)),
    lines: () => [...runsById.keys()].map(line),
    runsOf: (id) => rankResults(runsById.get(id) ?? [], metric),
  };
}
