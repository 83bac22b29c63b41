/** End-to-end extraction against the bare engine on pixels that are decoded already, in turns on one machine. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../src/extract/dataset/dataset.ts';
import { loadBackbone } from '../src/shared/backbones/load.ts';
import { loadEngine } from '../src/shared/engines/engine.ts';
import { decodeImage } from '../src/shared/images/decode.ts';
import { type Measurement, median } from './report.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const BATCH = 16;
const ROUNDS = 3;

/** @param data a folder of class folders or a manifest */
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
  return [
    {
      what: `${backbone}: bare engine, decoded pixels`,
      value: median(rates.map(({ bare }) => bare)),
      unit: 'images/s',
    },
    {
      what: `${backbone}: extract, files to feature store`,
      value: median(rates.map(({ whole }) => whole)),
      unit: 'images/s',
    },
    {
      what: `${backbone}: extract / bare engine (median of ${ROUNDS} pairs)`,
      value: median(rates.map(({ whole, bare }) => whole / bare)),
      unit: 'x',
      ...(backbone === 'resnet50' && { claim: 0.9 }),
    },
  ];
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
