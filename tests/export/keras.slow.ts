/** Whole models in Keras itself, one network of each family: PERMAFROST_KERAS_PYTHON names a Python with Keras. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { exportHead } from '../../src/export/export.ts';
import { requestedColumns } from '../../src/shared/backbones/depths.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import { type ComputedColumn, sideBySide } from '../../src/shared/head/inputs.ts';
import { headGraph } from '../../src/shared/head/predictor.ts';
import { readHead } from '../../src/shared/head/record.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';
import { syntheticPhoto } from '../support/synthetic-photo.ts';

const PYTHON = process.env.PERMAFROST_KERAS_PYTHON;
const SCRIPT = fileURLToPath(new URL('python/check_keras_full.py', import.meta.url));
/** The smallest of each family; made weights do. */
const NETWORKS = [
  'vgg16',
  'resnet50',
  'resnet50_v2',
  'inception_v3',
  'inception_resnet_v2',
  'xception',
  'densenet121',
  'mobilenet_0.25',
  'mobilenet_v2_0.35',
  'mobilenet_v3_small_0.75',
  'nasnet_mobile',
  'efficientnet_b0',
  'efficientnet_lite0',
  'efficientnet_v2_b0',
  'convnext_tiny',
];
interface Model {
  backbone: string[];
  poolings: string[];
  dtype: 'float32' | 'float16';
}
const MODELS: ReadonlyMap<string, Model> = new Map([
  ...NETWORKS.map((name): [string, Model] => [
    name,
    { backbone: [name], poolings: requestedColumns(name, ['avg']), dtype: 'float32' },
  ]),
  [
    'several columns',
    { backbone: ['mobilenet_0.25'], poolings: ['gem', 'max', 'flatten'], dtype: 'float16' },
  ],
  ['two backbones', { backbone: ['mobilenet_0.25', 'vgg16'], poolings: ['avg'], dtype: 'float16' }],
]);
const SIZE = { width: 112, height: 96 };
const IMAGES = 2;

if (!PYTHON)
  process.stderr.write('Whole models are not run in Keras: PERMAFROST_KERAS_PYTHON names no Python\n');

it.skipIf(!PYTHON)('answer in Keras as permafrost does, behind every family', async () => {
  const root = newFolder();
  const engine = await loadEngine('onnxruntime');
  const pixels = Buffer.concat(
    ([0, 1] as const).map((number) => syntheticPhoto(number, SIZE.width, SIZE.height)),
  );
  for (const [name, { backbone, poolings, dtype }] of MODELS) {
    const config = { normalize: 'l2' as const, hidden: [8] };
    const head = await readHead(
      await writeRandomHead(join(root, `${name}-best`), { backbone, poolings, dtype, size: SIZE, config }),
    );
    const columns: ComputedColumn[] = [];
    for (const source of backbone) {
      const { graph, ...loaded } = await loadBackbone({
        name: source,
        weights: 'none',
        size: SIZE,
        poolings,
      });
      const network = await engine.compile(graph);
      const computed = await network.run({ pixels });
      await network.release();
      const half = dtype === 'float16';
      columns.push(
        ...loaded.columns.map(({ name: column, dimension }) => ({
          values: computed[column],
          dimension,
          half,
        })),
      );
    }
    const program = await engine.compile(headGraph(head));
    const { probabilities } = await program.run({ features: sideBySide(columns, IMAGES) });
    await program.release();
    const path = join(root, name);
    await exportHead({ head, format: 'keras', full: true, out: `${path}.keras`, weights: [] });
    writeFileSync(`${path}.pixels`, pixels);
    writeFileSync(`${path}.expected`, new Uint8Array(Float32Array.from(probabilities).buffer));
  }
  writeFileSync(
    join(root, 'models.json'),
    JSON.stringify([...MODELS.keys()].map((name) => ({ name, ...SIZE }))),
  );
  const { stdout } = await promisify(execFile)(PYTHON!, [SCRIPT, root], { maxBuffer: 1 << 26 });
  process.stdout.write(stdout);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; difference: number; spread: number });
  expect(results.map(({ name }) => name)).toEqual([...MODELS.keys()]);
  for (const { name, difference, spread } of results) {
    expect(difference, name).toBeLessThan(1e-4);
    // Photos differ by much more, so that a mistake would show.
    expect(difference, name).toBeLessThan(spread / 50);
  }
});
