/** Third step of training: the heads that are to be trained, and a name for the numbers that they will give. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { sweepFingerprint } from '../../shared/checkpoint/fingerprint.ts';
import type { Divided } from '../../shared/dataset/divide.ts';
import type { SplitDataset } from '../../shared/dataset/split-dataset.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import type { Engine } from '../../shared/engines/interface.ts';
import { usage } from '../../shared/errors.ts';
import { counted, plural } from '../../shared/plural.ts';
import type { Reporter } from '../../shared/reporter.ts';
import {
  type Configuration,
  configurationsOf,
  type HeadJob,
  jobsOf,
} from '../../shared/search/configurations.ts';
import { describeRungs, type Rung, rungsOf } from '../../shared/search/halving.ts';
import type { TrainOptions } from '../options/train-options.ts';
import { refuseHuge, requestedHeads } from './requested-heads.ts';
import { type SourcedBlock, sourceName } from './sources.ts';

/** Everything that decides a sweep's numbers. Searching uses up the dataset's matrices, so a plan runs once. */
export interface SearchPlan {
  dataset: SplitDataset;
  configurations: Configuration[];
  /** Of cross-validation; 0: one validation split. */
  folds: number;
  /** Of successive halving; undefined: every head trains to its end. */
  rungs: Rung[] | undefined;
  /** Heads that are trained, and their epochs together, at most. */
  heads: number;
  epochs: number;
  engine: Engine;
  /** As workers load it. */
  engineName: string;
  workers: number;
  /** The same fingerprint, the same numbers: see {@link sweepFingerprint}. */
  fingerprint: string;
}

/**
 * Expands the grid into heads and loads the engine, so that whatever is wrong with either is said before training.
 * @param blocks of the grid, by their source
 * @throws UsageError for options that exclude each other or heads that cannot work
 */
export async function planSearch(
  dataset: SplitDataset,
  blocks: readonly SourcedBlock[],
  options: TrainOptions,
  reporter: Reporter,
): Promise<SearchPlan> {
  const { table, task, classes, division } = dataset;
  const { folds = 0, halving, workers } = options;
  const configurations = configurationsOf(
    requestedHeads(options, blocks, task),
    table.sets.map((set) => sourceName(set.request, set.sources)),
  );
  refuseHuge(configurations, table.sets, classes.length);
  const rungs = halving === undefined ? undefined : rungsOf(configurations, halving);
  if (rungs && folds > 0) throw usage('one validation split', '--halving', `--folds ${folds}`);
  const jobs = configurations.flatMap((configuration) => jobsOf(configuration));
  const heads = jobs.length * Math.max(1, folds);
  const epochs = jobs.reduce((sum, job) => sum + job.config.epochs, 0) * Math.max(1, folds);
  reporter.info(
    `${task}, ${counted(classes.length, 'class', 'classes')}; ${splitSizes(division, folds)}; ${counted(heads, 'head')}`,
  );
  if (rungs) reporter.info(describeRungs(rungs, configurations));
  const engineName = options.engine;
  const engine = await loadEngine(engineName, { threads: 1 });
  const fingerprint = fingerprintOf(dataset, { jobs, halving, engine });
  return { dataset, configurations, folds, rungs, heads, epochs, engine, engineName, workers, fingerprint };
}

function fingerprintOf(
  { table, division, memory }: SplitDataset,
  { jobs, halving, engine }: { jobs: HeadJob[]; halving: number | undefined; engine: Engine },
): string {
  return sweepFingerprint({
    sources: table.sets.map((set) => set.sources),
    images: createHash('sha256').update(table.hashes).digest('hex'),
    views: [...table.views],
    augment: table.augment?.kind,
    labels: table.labels,
    // The name in checkpoints that exist.
    parts: division.splits,
    ...(table.weights && { weights: table.weights }),
    ...(memory.isStreamed && { maxBytes: memory.maxBytes, cores: availableParallelism() }),
    foldOf: [...division.foldOf],
    jobs,
    halving,
    engine: [engine.name, engine.version],
  });
}

function splitSizes({ images: { train, val, test }, views }: Divided, folds: number): string {
  const trained = views === 0 ? `${train}` : `${train} (and ${counted(views, 'view')})`;
  return folds === 0
    ? `${trained} training, ${val} validation, ${counted(test, 'test image')}`
    : `${trained} ${plural(train, 'image', 'images')} in ${folds} folds, ${counted(test, 'test image')}`;
}
