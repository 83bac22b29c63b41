/** The options of a fine-tuning, each that was not given at its default. */
import { defaultMemory } from '../shared/dataset/matrix-files.ts';
import type { TailSettings } from '../shared/head/tail-settings.ts';
import type { ActivationDtype } from '../shared/store/activations/request.ts';
import { type FineTuneOptions, RUN_OPTIONS } from './options.ts';
import type { TailGrid } from './search/grid.ts';
import type { TrainingRequest } from './search/keys.ts';

export interface TuneOptions
  extends Pick<FineTuneOptions, 'head' | 'features' | 'weights' | 'images' | 'views'> {
  tail: Partial<TailSettings>;
  training: Partial<TrainingRequest>;
  grid?: TailGrid;
  seeds: number;
  activations: {
    folder: string | undefined;
    dtype: ActivationDtype;
    maxBytes: number | undefined;
    /** Activations that take no more are kept in memory. */
    maxMemory: number;
    concurrency: number;
  };
  engine: string;
  workers: number;
}

/** @param options without what is written */
export function tuneOptions({
  head,
  features,
  weights,
  images,
  views,
  tail = {},
  training = {},
  grid,
  seeds = RUN_OPTIONS.seeds.default,
  cache = {},
  engine = RUN_OPTIONS.engine.default,
  workers = RUN_OPTIONS.workers.default,
  concurrency = RUN_OPTIONS.concurrency.default,
}: FineTuneOptions): TuneOptions {
  const { folder, dtype = RUN_OPTIONS.cacheDtype.default, max: maxBytes } = cache;
  return {
    head,
    features,
    weights,
    images,
    views,
    tail,
    training,
    ...(grid && { grid }),
    seeds,
    activations: { folder, dtype, maxBytes, maxMemory: defaultMemory(), concurrency },
    engine,
    workers,
  };
}
