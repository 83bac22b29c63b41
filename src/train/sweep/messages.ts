/** What the sweep and its workers say to each other. */
import type { TrainingData } from '../../shared/dataset/data.ts';
import type { HeadJob } from '../../shared/search/configurations.ts';
import type { Ending, Ready } from '../../shared/training/hand-out.ts';
import type { PausedHead, TrainedHead } from '../../shared/training/head-progress.ts';

/** Given to a worker at its start; the arrays inside are shared, not copied. */
export interface WorkerStart {
  data: TrainingData;
  engine: string;
  /** Threads inside one operation. */
  threads: number;
  /** Whether stacks keep their numbers on the engine's device. */
  usesDevice: boolean;
}

export type ToWorker =
  /** `paused`: the heads of jobs that go on, in the order of the jobs. */
  { type: 'stack'; jobs: HeadJob[]; paused: (PausedHead | undefined)[] } | Ending;

export type FromWorker =
  | { type: 'finished'; trained: TrainedHead }
  | { type: 'paused'; paused: PausedHead }
  | { type: 'epoch'; heads: number }
  | Ready;
