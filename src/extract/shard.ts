/** Shards: equal parts of a dataset for machines that do not talk to each other. */
import { UsageError, usage } from '../shared/errors.ts';
import { counted } from '../shared/plural.ts';
import type { Shard } from '../shared/store/schema.ts';
import type { Dataset } from './dataset/dataset.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How a scheduler tells a task its place in an array job. */
interface Scheduler {
  name: string;
  /** The variable with the task's number. */
  task: string;
  /** The variable with the lowest number, where tasks may start anywhere; otherwise they start at 0. */
  first?: string;
  /** The variable with the highest number, which shows numbers that were left out. */
  last?: string;
  /** The variable with the number of tasks, where the scheduler tells it. */
  count?: string;
}

/** Slurm's sbatch, AWS Batch's and Kubernetes' documentation name these variables; PBS is PBS Professional and OpenPBS. */
const SCHEDULERS: readonly Scheduler[] = [
  {
    name: 'Slurm',
    task: 'SLURM_ARRAY_TASK_ID',
    first: 'SLURM_ARRAY_TASK_MIN',
    last: 'SLURM_ARRAY_TASK_MAX',
    count: 'SLURM_ARRAY_TASK_COUNT',
  },
  { name: 'AWS Batch', task: 'AWS_BATCH_JOB_ARRAY_INDEX', count: 'AWS_BATCH_JOB_ARRAY_SIZE' },
  { name: 'Kubernetes', task: 'JOB_COMPLETION_INDEX' },
  { name: 'PBS', task: 'PBS_ARRAY_INDEX' },
];

const FORMS = 'I/N like 1/8, auto, or auto/N';

/**
 * Reads `--shard`: `3/8`, `auto` (the place in an array job, from the scheduler's variables), or `auto/8` where the
 * scheduler does not tell how many tasks there are.
 * @throws UsageError naming the variable that is missing or does not fit
 */
export function parseShard(text: string, environment: Environment = process.env): Shard {
  const [, place, total] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text) ?? [];
  if (place === undefined || (place !== 'auto' && total === undefined)) throw usage(FORMS, '--shard', text);
  const of = total === undefined ? undefined : Number(total);
  const shard = place === 'auto' ? placeInArray(of, environment) : { index: Number(place), of: of! };
  if (shard.of < 1 || shard.index < 1 || shard.index > shard.of) {
    throw usage('a shard from 1/N to N/N', '--shard', place === 'auto' ? `${shard.index}/${shard.of}` : text);
  }
  return shard;
}

function placeInArray(requested: number | undefined, environment: Environment): Shard {
  const scheduler = SCHEDULERS.find(({ task }) => environment[task] !== undefined);
  if (!scheduler) {
    const variables = SCHEDULERS.map(({ name, task }) => `${task} (${name})`).join(', ');
    throw new UsageError(
      `--shard auto reads its place in an array job from one of ${variables}, but none is set`,
    );
  }
  const value = (variable: string): number => {
    const text = environment[variable] ?? '';
    if (!/^\d+$/.test(text))
      throw usage('a whole number', `${variable} of ${scheduler.name}`, environment[variable]);
    return Number(text);
  };
  const { name, task, first, last, count } = scheduler;
  if (count === undefined && requested === undefined) {
    throw usage(`auto/N (${name} does not tell how many tasks there are)`, '--shard', 'auto');
  }
  const of = count === undefined ? requested! : value(count);
  if (requested !== undefined && requested !== of)
    throw usage(`auto/${of} (${count} of ${name})`, '--shard', `auto/${requested}`);
  const from = first === undefined ? 0 : value(first);
  if (last !== undefined && value(last) - from + 1 !== of) {
    throw usage(
      'task numbers without gaps',
      `the array job of ${name}`,
      `${from} to ${value(last)}, ${counted(of, 'task')}`,
    );
  }
  return { index: value(task) - from + 1, of };
}

/**
 * The images of one shard: a run of the dataset's own order, so that shards one after the other are the dataset.
 * Every shard knows all classes.
 * @throws UsageError when there are more shards than images
 */
export function takeShard(dataset: Dataset, shard: Shard): Dataset {
  const { images } = dataset;
  if (shard.of > images.length) {
    throw usage('no more shards than images', '--shard', `${shard.index}/${shard.of} of ${images.length}`);
  }
  const boundary = (shards: number) => Math.floor((images.length * shards) / shard.of);
  return { ...dataset, images: images.slice(boundary(shard.index - 1), boundary(shard.index)), shard };
}

/** The folder of a shard's store inside the dataset's: `shard-003-of-008`. */
export function shardFolder({ index, of }: Shard): string {
  const digits = Math.max(3, String(of).length);
  return `shard-${String(index).padStart(digits, '0')}-of-${String(of).padStart(digits, '0')}`;
}
