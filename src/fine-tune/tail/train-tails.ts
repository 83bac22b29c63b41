/** Many tails of one cut, each with a head. */
import { trainedWeights } from '../../shared/backbones/cut/weights.ts';
import { steppingOptimizer } from '../../shared/training/optimizers.ts';
import type { EpochRecord } from '../../shared/training/result.ts';
import type { TailCheckpoint } from './messages.ts';
import type { TailNetwork } from './network.ts';
import { tailStates } from './saved-state.ts';
import type { TailJob, TrainedTail } from './train-tail.ts';
import { runWorkers, type TailRequest, type Work } from './workers.ts';

export interface TrainTailsOptions extends TailRequest {
  signal: AbortSignal;
  /** Where trainings under way are saved, so that a killed run resumes from there. */
  checkpoint?: TailCheckpoint;
  onEpoch(id: string, record: EpochRecord): void;
  /** After it returns, what was saved of the training is removed, unless it was stopped. */
  onFinished(trained: TrainedTail): void;
  /** A tail has reached its job's `pauseAfter`, and is saved: a job with the same id and settings resumes. */
  onPaused?(trained: TrainedTail): void;
}

/**
 * Trains all tails. When `signal` aborts, those under way end early as `stopped` and the rest are not started.
 * @throws UsageError for weights to train that the network does not have and for lbfgs, and what a worker threw; tails that
 *   finished before have been reported
 */
export async function trainTails(jobs: readonly TailJob[], options: TrainTailsOptions): Promise<void> {
  const { network, signal, checkpoint, onEpoch, onFinished, onPaused } = options;
  const states = checkpoint && tailStates(checkpoint.folder);
  const work = jobs.map((job): Work => {
    steppingOptimizer(job.config.optimizer);
    return { type: 'train', job, trained: trainedNames(network, job.config.tail.train) };
  });
  const whole = (trained: TrainedTail): TrainedTail => ({
    ...trained,
    tail: allWeights(network, trained.tail),
  });
  await runWorkers(work, options, signal, (message) => {
    if (message.type === 'epoch') onEpoch(message.id, message.record);
    if (message.type === 'finished') {
      const { id, status } = message.trained.result;
      onFinished(whole(message.trained));
      // Whoever wanted to keep it has it now; what was stopped may go on.
      if (status !== 'stopped') states?.remove(id);
    }
    if (message.type === 'paused') onPaused?.(whole(message.trained));
  });
}

/**
 * What a trained tail and head predict for rows of the activations.
 * @returns probabilities [rows, classes]
 */
export async function predictTail(
  tail: TrainedTail,
  rows: Int32Array,
  request: TailRequest,
): Promise<Float32Array> {
  const trained = trainedNames(request.network, tail.result.config.tail!.train);
  let predicted = new Float32Array(0);
  const work: Work[] = [{ type: 'predict', tail, trained, rows }];
  await runWorkers(work, request, new AbortController().signal, (message) => {
    if (message.type === 'predicted') predicted = Float32Array.from(message.probabilities);
  });
  return predicted;
}

/** Those that training did not change are the network's. */
function allWeights({ weights }: TailNetwork, changed: TrainedTail['tail']): TrainedTail['tail'] {
  if (changed.size === 0) return changed;
  return new Map(weights.map(({ name, shape, data }) => [name, changed.get(name) ?? { shape, data }]));
}

/** Names of the weights that `train` stands for. */
function trainedNames({ weights }: TailNetwork, train: string): string[] {
  return trainedWeights(weights, train).map(({ name }) => name);
}
