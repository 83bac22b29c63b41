/** An ONNX file as a backbone, from files to predictions, by the built command. */
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { addingCommand } from '../../src/shared/dataset/extract-command.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { type Outcome, permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { PROCESSOR, SMALL_TRANSFORMER } from '../support/small-transformer.ts';

const FIXTURES = fileURLToPath(new URL('../shared/backbones/model-file/golden/', import.meta.url));

async function done(...args: string[]): Promise<Outcome> {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

async function refused(status: number, ...args: string[]): Promise<string> {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(status);
  expect(outcome.stderr).not.toMatch(STACK_TRACE);
  return outcome.stderr;
}

const root = newFolder();
const leaves = join(root, 'leaves');
const labels = join(leaves, 'labels.csv');
const models = join(root, 'models');
const model = join(models, 'vit.onnx');
const store = join(root, 'store');
const run = join(root, 'run');

beforeAll(async () => {
  await drawLeaves(leaves, { count: 24, seed: 3 });
  cpSync(SMALL_TRANSFORMER, model);
  writeFileSync(join(models, 'preprocessor_config.json'), PROCESSOR);
  const backbone = ['--backbone', model, '--pooling', 'cls,avg'];
  await done('extract', '--data', labels, ...backbone, '--out', store);
  await done('train-head', '--features', store, '--epochs', '3', '--out', run);
});

describe('an ONNX file as --backbone', () => {
  it('is recorded with its content, its pixels and its resizing', async () => {
    const { manifest } = await openStore(store);
    expect(manifest.pipeline).toMatchObject({
      backbone: 'vit.onnx',
      weights: model,
      preprocessing: 'half',
      resize: 'crop 110 bicubic',
      size: { width: 96, height: 96 },
    });
    expect(manifest.pipeline.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    expect(manifest.columns).toEqual([
      { name: 'cls', dimension: 48 },
      { name: 'avg', dimension: 48 },
    ]);
  });

  it('gets a column by the command that is printed', async () => {
    const [, command] = addingCommand(await openStore(store), 'last', 'max').split('permafrost ');
    const { summary } = await done(...command.replace('DATA', labels).split(' '), '--json');
    expect(summary).toMatchObject({ out: store, columns: 3 });
  });

  it('is found again by predict, whatever its configuration says by now', async () => {
    const first = await done('predict', '--head', join(run, 'best'), leaves);
    writeFileSync(join(models, 'preprocessor_config.json'), '{}');
    const { stdout } = await done('predict', '--head', join(run, 'best'), leaves);
    expect(stdout).toBe(first.stdout);
  });

  it('is refused by predict when it has changed, and asked for when it is gone', async () => {
    const head = ['predict', '--head', join(run, 'best'), leaves];
    const moved = join(root, 'elsewhere.onnx');
    renameSync(model, moved);
    expect(await refused(1, ...head)).toContain(`Expected the weights of vit.onnx at ${model}`);
    await done(...head, '--weights', moved);
    const bytes = readFileSync(moved);
    // Inside a matrix.
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(model, bytes);
    expect(await refused(1, ...head)).toContain('Expected weights of vit.onnx with SHA-256');
    renameSync(moved, model);
  });

  it('needs what it does not bring itself', async () => {
    const bare = join(root, 'bare.onnx');
    cpSync(join(FIXTURES, 'narrow_resnet.onnx'), bare);
    const answerOf = (...flags: string[]) =>
      refused(2, 'extract', '--data', labels, '--backbone', bare, '--out', join(root, 'none'), ...flags);
    expect(await answerOf('--size', '64x64', '--layer', 'features')).toContain(
      'Expected --preprocess as imagenet, half',
    );
    expect(await answerOf('--preprocess', 'imagenet', '--layer', 'map')).toContain('Expected WIDTHxHEIGHT');
    expect(await answerOf('--preprocess', 'imagenet')).toContain(
      'Expected one of the outputs map, features or another tensor of',
    );
    expect(await answerOf('--preprocess', 'torch')).toContain('Expected imagenet, half, none');
    expect(await answerOf('--weights', 'none')).toContain('--weights none cannot be combined with');
    expect(await answerOf('--engine', 'tensorflow')).toContain('Expected auto or onnxruntime for --engine');
    expect(await refused(2, 'extract', '--data', labels, '--backbone', join(root, 'nowhere.onnx'))).toContain(
      'No such file: ',
    );
    expect(await refused(2, 'extract', '--data', labels, '--preprocess', 'half')).toContain(
      '--preprocess is for .onnx files',
    );
  });
});
