/** From what is requested to the fine-tunings that are trained: each a configuration of the head with a tail. */
import { UsageError, usage } from '../../shared/errors.ts';
import type { HeadConfig, Task } from '../../shared/head/config.ts';
import { formatOption } from '../../shared/head/options.ts';
import { resolveConfig, withoutIdleOptions } from '../../shared/head/resolve.ts';
import { formatTailOption, TAIL_OPTIONS, type TailSettings } from '../../shared/head/tail-settings.ts';
import { defaultsOf, flagOf } from '../../shared/options.ts';
import { combinationCount, combinations } from '../../shared/search/grid-text.ts';
import { epochsFor, TRAINING_DEFAULTS, WARMUP_SHARE } from '../options.ts';
import { MAX_TUNINGS, type TailGrid } from './grid.ts';
import { isTailKey, type TrainingRequest, type TuneKey, type TuneRequest } from './keys.ts';

/** A head's configuration with a tail. */
export type TunedConfig = HeadConfig & { tail: TailSettings };

export interface TuningsRequest {
  tail?: Partial<TailSettings>;
  training?: Partial<TrainingRequest>;
  grid?: TailGrid;
  seeds: number;
}

/** The head that is trained on. */
interface Beginning {
  config: HeadConfig;
  task: Task;
  trainingImages: number;
}

/** How heads are trained on where nothing is said: what their own training had to do with stays behind. */
function ownTraining({ config, trainingImages }: Beginning): Partial<TrainingRequest> {
  const { dropout, monitor, classWeight, labelSmoothing, seed } = config;
  const steps = { ...TRAINING_DEFAULTS, optimizer: 'adam', momentum: 0, nesterov: false } as const;
  const penalties = { l2: 0, l1: 0, maxNorm: 0 };
  const length = { epochs: epochsFor(trainingImages), batchSize: 32, earlyStopping: 10 };
  return { ...steps, ...penalties, ...length, dropout, monitor, classWeight, labelSmoothing, seed };
}

/**
 * All fine-tunings that are requested, without their seeds; `from` is as it was written.
 * @throws UsageError naming a combination that cannot work, or when there are too many
 */
export function requestedTunings(
  beginning: Beginning,
  { tail, training, grid = [{}], seeds }: TuningsRequest,
): TunedConfig[] {
  const count = seeds * grid.reduce((sum, block) => sum + combinationCount(block), 0);
  if (count > MAX_TUNINGS) throw usage(`at most ${MAX_TUNINGS} trainings`, '--grid', count);
  const base = { ...beginning.config, ...ownTraining(beginning), ...training };
  const baseTail = { ...defaultsOf(TAIL_OPTIONS), ...tail } as TailSettings;
  const found = grid.flatMap((block) => combinations<TuneRequest>(block));
  return found.map((combination) => {
    const entries = Object.entries(combination) as [TuneKey, unknown][];
    const ofTail = Object.fromEntries(entries.filter(([key]) => isTailKey(key)));
    const ofHead = Object.fromEntries(entries.filter(([key]) => !isTailKey(key)));
    const { tail: _, ...merged } = { ...base, ...ofHead };
    const { warmup = Number((WARMUP_SHARE * merged.epochs).toFixed(3)) } = { ...training, ...combination };
    const head = { ...merged, warmup };
    try {
      return {
        ...resolveConfig(entries.length > 0 ? withoutIdleOptions(head) : head, beginning.task),
        tail: { ...baseTail, ...ofTail },
      };
    } catch (thrown) {
      if (!(thrown instanceof UsageError) || entries.length === 0) throw thrown;
      throw new UsageError(`${thrown.message} (in the grid's ${written(combination)})`);
    }
  });
}

function written(combination: Partial<TuneRequest>): string {
  const keys = Object.keys(combination) as TuneKey[];
  const whole = combination as TuneRequest;
  return keys
    .map(
      (key) => `${flagOf(key)}=${isTailKey(key) ? formatTailOption(key, whole) : formatOption(key, whole)}`,
    )
    .join(' ');
}
