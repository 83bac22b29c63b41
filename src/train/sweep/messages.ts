/** What the sweep and its workers say to each other. */
import type { SweepData } from './data.ts';
import type { HeadJob } from './plan.ts';
import type { TrainedHead } from './train-stack.ts';

/** Given to a worker at its start; the arrays inside are shared, not copied. */
export interface WorkerStart {
  data: SweepData;
  engine: string;
  /** Threads inside one operation. */
  threads: number;
}

export type ToWorker =
  | { type: 'stack'; jobs: HeadJob[] }
  /** Finish the step under way, report what there is, and end. A worker inside native code is never terminated. */
  | { type: 'stop' }
  /** No more stacks: end. */
  | { type: 'end' };

export type FromWorker =
  | { type: 'finished'; trained: TrainedHead }
  | { type: 'epoch'; heads: number }
  /** Ready for a stack: at the start and after each one. */
  | { type: 'ready' };
