/** A model of a hub as a backbone, from its name to predictions, by the built command. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { drawLeaves } from '../../scripts/leaves.ts';
import { addingCommand } from '../../src/shared/dataset/extract-command.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { type Outcome, permafrost } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { type HubServer, startHub } from '../support/hub-server.ts';
import { PROCESSOR, SMALL_TRANSFORMER } from '../support/small-transformer.ts';

const COMMIT = 'a'.repeat(40);
const CONFIG = JSON.stringify({
  model_type: 'dinov2_with_registers',
  patch_size: 16,
  num_register_tokens: 4,
});

const root = newFolder();
const labels = join(root, 'leaves', 'labels.csv');
let hub: HubServer;

beforeAll(async () => {
  await drawLeaves(join(root, 'leaves'), { count: 24, seed: 3 });
  hub = await startHub({
    'org/dino': {
      commit: COMMIT,
      files: {
        'config.json': Buffer.from(CONFIG),
        'preprocessor_config.json': Buffer.from(PROCESSOR),
        'onnx/model.onnx': readFileSync(SMALL_TRANSFORMER),
      },
    },
  });
  Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_HOME: join(root, 'hf') });
});
afterAll(async () => {
  await hub.close();
  delete process.env.HF_ENDPOINT;
  delete process.env.HF_HOME;
});

async function done(...args: string[]): Promise<Outcome> {
  const outcome = await permafrost(args);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

it('is pooled as its family is, recorded with its commit, and found again without a request', async () => {
  const [store, run] = [join(root, 'store'), join(root, 'run')];
  await done('extract', '--data', labels, '--backbone', 'hf:org/dino', '--out', store);
  const { manifest } = await openStore(store);
  expect(manifest.pipeline).toMatchObject({
    backbone: 'hf:org/dino',
    weights: `hf:org/dino@${COMMIT}/onnx/model.onnx`,
    preprocessing: 'half',
    resize: 'crop 110 bicubic',
    size: { width: 96, height: 96 },
  });
  expect(manifest.columns).toEqual([{ name: 'cls+mean', dimension: 96 }]);
  await done('train-head', '--features', store, '--epochs', '3', '--out', run, '--grid', 'pooling=cls+mean');
  hub.requests.length = 0;
  await done('predict', '--head', join(run, 'best'), join(root, 'leaves'));
  const again = await done(
    'extract',
    '--data',
    labels,
    '--backbone',
    `hf:org/dino@${COMMIT}`,
    '--out',
    store,
    '--json',
  );
  expect(again.summary).toMatchObject({ computed: 0, reused: 24 });
  expect(hub.requests).toEqual([]);
});

it('is the same from a folder', async () => {
  const folder = join(root, 'dino');
  cpSync(join(root, 'hf', 'hub', 'models--org--dino', 'snapshots', COMMIT), folder, {
    recursive: true,
    dereference: true,
  });
  const store = join(root, 'of-folder');
  await done('extract', '--data', labels, '--backbone', folder, '--out', store);
  const { manifest } = await openStore(store);
  expect(manifest.pipeline).toMatchObject({
    backbone: 'dino/model.onnx',
    weights: join(folder, 'onnx', 'model.onnx'),
  });
  expect(manifest.columns).toEqual([{ name: 'cls+mean', dimension: 96 }]);
  const { pipeline } = (await openStore(join(root, 'store'))).manifest;
  expect(manifest.pipeline.weightsHash).toBe(pipeline.weightsHash);
});

it.each(['store', 'of-folder'])('gets a column by the command that is printed, in %s', async (name) => {
  const store = await openStore(join(root, name));
  const [, command] = addingCommand(store, 'last', 'mean').split('permafrost ');
  const { summary } = await done(...command.replace('DATA', labels).split(' '), '--json');
  expect(summary).toMatchObject({ out: store.dir, columns: 2 });
});

it('is described with its pooling', async () => {
  const { stdout } = await done('backbones', 'hf:org/dino');
  expect(stdout).toContain('features       96 (--pooling cls+mean)');
  expect((await done('backbones', 'dinov3_vits16')).stdout).toContain('licence        DINOv3 License');
});
