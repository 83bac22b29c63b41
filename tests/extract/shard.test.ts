/** Sharing a dataset out among machines that do not talk to each other. */
import { describe, expect, it } from 'vitest';
import { parseShard, shardFolder, takeShard } from '../../src/extract/shard.ts';

describe('--shard', () => {
  it.each([
    ['3/8', {}, { index: 3, of: 8 }],
    [
      'auto',
      {
        SLURM_ARRAY_TASK_ID: '12',
        SLURM_ARRAY_TASK_MIN: '10',
        SLURM_ARRAY_TASK_MAX: '13',
        SLURM_ARRAY_TASK_COUNT: '4',
      },
      { index: 3, of: 4 },
    ],
    ['auto', { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '16' }, { index: 1, of: 16 }],
    ['auto/16', { JOB_COMPLETION_INDEX: '15' }, { index: 16, of: 16 }],
    ['auto/4', { PBS_ARRAY_INDEX: '2' }, { index: 3, of: 4 }],
  ])('%s with %j', (text, environment, shard) => {
    expect(parseShard(text, environment)).toEqual(shard);
  });

  it.each([
    ['0/4', {}, 'Expected a shard from 1/N to N/N for --shard but received "0/4"'],
    ['5/4', {}, 'but received "5/4"'],
    ['5', {}, 'Expected I/N like 1/8, auto, or auto/N for --shard but received "5"'],
    ['auto', {}, 'in an array job from one of SLURM_ARRAY_TASK_ID (Slurm), AWS_BATCH_JOB_ARRAY_INDEX'],
    ['auto', { JOB_COMPLETION_INDEX: '1' }, 'auto/N (Kubernetes does not tell how many tasks there are)'],
    ['auto', { JOB_COMPLETION_INDEX: '-1' }, 'auto/N'],
    ['auto/4', { JOB_COMPLETION_INDEX: '4' }, 'but received "5/4"'],
    [
      'auto/3',
      { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '16' },
      'Expected auto/16 (AWS_BATCH_JOB_ARRAY_SIZE of AWS Batch) for --shard but received "auto/3"',
    ],
    [
      'auto',
      {
        SLURM_ARRAY_TASK_ID: '4',
        SLURM_ARRAY_TASK_MIN: '0',
        SLURM_ARRAY_TASK_MAX: '8',
        SLURM_ARRAY_TASK_COUNT: '5',
      },
      'task numbers without gaps',
    ],
    ['auto', { SLURM_ARRAY_TASK_ID: 'x' }, 'for SLURM_ARRAY_TASK_COUNT of Slurm but received nothing'],
  ])('%s with %j is refused', (text, environment, message) => {
    expect(() => parseShard(text, environment)).toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(message) }),
    );
  });

  it('shares every dataset out without gaps, in order, evenly', () => {
    for (const [count, of] of [
      [10, 3],
      [7, 7],
      [1000, 64],
    ]) {
      const images = Array.from({ length: count }, (_, i) => ({
        path: `${i}`,
        labels: [],
        split: null,
        group: null,
      }));
      const source = { read: async () => Buffer.of(), close: async () => {} };
      const dataset = { name: 'x', source, images, classes: ['a'], notes: [] };
      const shards = Array.from({ length: of }, (_, i) => takeShard(dataset, { index: i + 1, of }));
      expect(shards.flatMap((shard) => shard.images)).toEqual(images);
      for (const shard of shards) {
        expect(Math.abs(shard.images.length - count / of)).toBeLessThan(1);
        expect(shard.classes).toEqual(['a']);
      }
      expect(() => takeShard(dataset, { index: 1, of: count + 1 })).toThrow('no more shards than images');
    }
  });

  it('has a folder of its own that sorts by its number', () => {
    expect(shardFolder({ index: 3, of: 8 })).toBe('shard-003-of-008');
    expect(shardFolder({ index: 3, of: 12000 })).toBe('shard-00003-of-12000');
  });
});
