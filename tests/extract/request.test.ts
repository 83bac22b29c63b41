/** Which backbones a run computes features with, and where those go. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { distinctNetworks, jobsOf } from '../../src/extract/request.ts';
import { newFolder } from '../support/folders.ts';

describe('the backbones of a run', () => {
  it('are each there once, with published weights unless others are named', () => {
    const networks = distinctNetworks([
      ...[{ name: 'resnet50' }, { name: 'resnet50', weights: 'imagenet' }],
      { name: 'mobilenet_0.25', weights: 'none' },
    ]);
    expect(networks).toEqual([
      { name: 'resnet50', weights: 'imagenet' },
      { name: 'mobilenet_0.25', weights: 'none' },
    ]);
  });

  it.each([
    [{ name: 'resnet51' }, /resnet50/],
    [
      { name: 'net.onnx', weights: 'none' },
      '--weights none cannot be combined with net.onnx, which holds its own weights',
    ],
    [
      { name: 'resnet50', preprocess: 'half' },
      '--preprocess is for .onnx files; other backbones include their own',
    ],
  ])('are refused: %j', (request, message) => {
    expect(() => distinctNetworks([request])).toThrow(message);
  });

  it('have names of their own, by which their folders are called', () => {
    const both = ['none', 'imagenet'].map((weights) => ({ name: 'resnet50', weights }));
    expect(() => distinctNetworks(both)).toThrow('Expected files with different names for --backbone');
  });
});

it('a trained head is no backbone, and says what it is for', () => {
  const name = newFolder();
  writeFileSync(join(name, 'head.json'), '{}');
  expect(() => distinctNetworks([{ name }])).toThrow(
    `--backbone ${name} is a trained head: extract takes backbones alone; use the head with predict, serve or export`,
  );
});

describe('the folder of a backbone', () => {
  const [one, two] = ['resnet50', 'net.ONNX'].map((name) => ({
    name,
    weights: '',
    poolings: [],
    engine: '',
  }));
  const foldersOf = (...args: Parameters<typeof jobsOf>) => jobsOf(...args).map(({ out }) => out);

  it('is below cache by default, and below --out where there are several', () => {
    expect(foldersOf([one, two], { name: 'photos' }, undefined)).toEqual([
      join('cache', 'photos', 'resnet50'),
      join('cache', 'photos', 'net'),
    ]);
    expect(foldersOf([one, two], { name: 'photos' }, 'out')).toEqual([
      join('out', 'resnet50'),
      join('out', 'net'),
    ]);
    expect(foldersOf([two], { name: 'photos' }, 'out')).toEqual(['out']);
  });

  it('has the folder of a shard in it', () => {
    const dataset = { name: 'photos', shard: { index: 2, of: 10 } };
    expect(foldersOf([one], dataset, 'out')).toEqual([join('out', 'shard-002-of-010')]);
  });
});
