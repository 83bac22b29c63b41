/** End-to-end extraction against the bare engine on pixels that are decoded already, and against Keras, on one machine. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../src/extract/dataset/dataset.ts';
import { loadBackbone } from '../src/shared/backbones/load.ts';
import { findBackbone } from '../src/shared/backbones/registry.ts';
import { loadEngine } from '../src/shared/engines/engine.ts';
import { decodeImage } from '../src/shared/images/decode.ts';
import { type Measurement, median } from './report.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const KERAS = new URL('peers/keras_extract.py', import.meta.url).pathname;
const PYTHON = process.env.PERMAFROST_KERAS_PYTHON ?? 'python3';
const BATCH = 16;
const ROUNDS = 3;

interface Claims {
  /** Files to store, against the bare engine on decoded pixels. */
  engine?: number;
  /** Against Keras's predict on decoded pixels, and on the same files. */
  keras?: number;
  kerasFiles?: number;
}

const AGAINST_KERAS: Claims = { keras: 1, kerasFiles: 1.3 };

/** The base member of each family, and what permafrost claims of it. */
export const FAMILIES: ReadonlyMap<string, Claims> = new Map<string, Claims>([
  ['resnet50', { ...AGAINST_KERAS, engine: 0.9 }],
  ['vgg16', { ...AGAINST_KERAS, engine: 0.9 }],
  ['inception_v3', { ...AGAINST_KERAS, engine: 0.9 }],
  ['efficientnet_lite0', {}],
  ['resnet50_v2', AGAINST_KERAS],
  ['inception_resnet_v2', AGAINST_KERAS],
  ['xception', AGAINST_KERAS],
  ['mobilenet', AGAINST_KERAS],
  ['mobilenet_v2', AGAINST_KERAS],
  ['mobilenet_v3_large', AGAINST_KERAS],
  ['densenet121', AGAINST_KERAS],
  ['nasnet_mobile', AGAINST_KERAS],
  ['efficientnet_b0', AGAINST_KERAS],
  ['efficientnet_v2_b0', AGAINST_KERAS],
  ['convnext_tiny', AGAINST_KERAS],
]);

/** @param data a folder of class folders or a manifest; Keras is compared with where it is a folder */
export async function benchExtraction(data: string, backbone: string): Promise<Measurement[]> {
  const weights = backbone === 'efficientnet_lite0' ? 'imagenet' : 'none';
  const { images, source } = await openDataset({ data });
  const loaded = await loadBackbone({ name: backbone, weights, poolings: ['avg'] });
  const decoded = await Promise.all(
    images.map(async ({ path }) => decodeImage(await source.read(path), loaded.size)),
  );
  const program = await (await loadEngine('onnxruntime')).compile(loaded.graph);

  const bare = async (): Promise<number> => {
    const started = performance.now();
    for (let start = 0; start < decoded.length; start += BATCH) {
      await program.run({ pixels: Buffer.concat(decoded.slice(start, start + BATCH)) });
    }
    return decoded.length / ((performance.now() - started) / 1000);
  };
  await program.run({ pixels: Buffer.concat(decoded.slice(0, BATCH)) });

  const rates: { bare: number; whole: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rates.push({ whole: await extractionRate(data, backbone, weights), bare: await bare() });
  }
  await program.release();
  const claims = FAMILIES.get(backbone) ?? {};
  const whole = median(rates.map(({ whole }) => whole));
  const keras = await kerasRates(data, backbone, decoded);
  return [
    {
      what: `${backbone}: bare engine, decoded pixels`,
      value: median(rates.map(({ bare }) => bare)),
      unit: 'images/s',
    },
    { what: `${backbone}: extract, files to feature store`, value: whole, unit: 'images/s' },
    {
      what: `${backbone}: extract / bare engine (median of ${ROUNDS} pairs)`,
      value: median(rates.map(({ whole, bare }) => whole / bare)),
      unit: 'x',
      claim: claims.engine,
    },
    ...(keras
      ? [
          {
            what: `${backbone}: extract / Keras predict on decoded pixels`,
            value: whole / keras.predict,
            unit: 'x',
            claim: claims.keras,
          },
          {
            what: `${backbone}: extract / Keras image_dataset_from_directory + predict`,
            value: whole / keras.files,
            unit: 'x',
            claim: claims.kerasFiles,
          },
        ]
      : []),
  ];
}

/** Images per second of Keras on the same pixels and files; undefined where it is not installed or has no such network. */
async function kerasRates(
  data: string,
  backbone: string,
  decoded: readonly Uint8Array[],
): Promise<{ predict: number; files: number } | undefined> {
  const { kerasName, size } = findBackbone(backbone);
  if (backbone === 'efficientnet_lite0' || !statSync(data).isDirectory()) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  try {
    const pixels = join(folder, 'pixels.u8');
    await writeFile(pixels, Buffer.concat(decoded));
    const args = [KERAS, kerasName, pixels, String(size), String(size), data];
    const { status, stdout, stderr, error } = spawnSync(PYTHON, args, { encoding: 'utf8' });
    if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    console.log(`  Keras: not measured (${error?.message ?? stderr.trim().split('\n').at(-1)})`);
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Images per second as the built command reports them: from its start to the complete store. */
async function extractionRate(data: string, backbone: string, weights: string): Promise<number> {
  const out = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  const args = [
    PROGRAM,
    'extract',
    '--data',
    data,
    '--backbone',
    backbone,
    '--weights',
    weights,
    '--out',
    out,
    '--json',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  await rm(out, { recursive: true });
  if (status !== 0) throw new Error(stderr);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { imagesPerSecond: number };
  return summary.imagesPerSecond;
}
