/** What the training of tails and its workers say to each other. */
import type { Head } from '../../shared/head/record.ts';
import type { Ending, Ready } from '../../shared/training/hand-out.ts';
import type { EpochRecord } from '../../shared/training/result.ts';
import type { TailData } from './data.ts';
import type { TailNetwork } from './network.ts';
import type { TailJob, TrainedTail } from './train-tail.ts';

/** Given to a worker at its start. */
export interface WorkerStart {
  network: TailNetwork;
  start: Head;
  data: TailData;
  engine: string;
  /** Threads inside one operation. */
  threads: number;
  /** Whether tails are kept on the engine's device. */
  usesDevice: boolean;
  /** Where trainings under way are saved, and how many seconds may pass in between; default: as many as saving takes little of. */
  checkpoint?: TailCheckpoint;
}

export interface TailCheckpoint {
  folder: string;
  seconds?: number;
}

export type ToWorker =
  /** `trained`: names of the tail's weights that are. */
  | { type: 'train'; job: TailJob; trained: readonly string[] }
  | { type: 'predict'; tail: TrainedTail; trained: readonly string[]; rows: Int32Array }
  | Ending;

export type FromWorker =
  | { type: 'finished'; trained: TrainedTail }
  | { type: 'paused'; trained: TrainedTail }
  | { type: 'predicted'; probabilities: Float32Array }
  | { type: 'epoch'; id: string; record: EpochRecord }
  | Ready;
