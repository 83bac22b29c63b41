/**
 * What the dtype of cached activations changes: their bytes, and how many images get another label from the same head behind them.
 * int8 is measured as it is stored, with a scale for each row and channel, and with the scales of the first 256 rows for all.
 * `npx tsx bench/activation-dtypes.ts HEAD STORE [FROM ...]`: a head on the store, and where to cut (default: last-block). The
 * photos must be where extract found them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheActivations } from '../src/fine-tune/cache/cache.ts';
import { type CutBackbone, loadCutBackbone } from '../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../src/shared/backbones/cut/split.ts';
import { loadEngine } from '../src/shared/engines/engine.ts';
import { sideBySide } from '../src/shared/head/inputs.ts';
import { headGraph } from '../src/shared/head/predictor.ts';
import { type Head, readHead } from '../src/shared/head/record.ts';
import { silent } from '../src/shared/reporter.ts';
import { type ActivationReader, openActivations } from '../src/shared/store/activations/reader.ts';
import {
  ACTIVATION_DTYPES,
  type ActivationDtype,
  activationLength,
} from '../src/shared/store/activations/request.ts';
import { readPhotoFolder } from '../src/shared/store/photos.ts';
import { openStore } from '../src/shared/store/reader.ts';

const [headFolder, storeFolder, ...given] = process.argv.slice(2);
const head = await readHead(headFolder);
const [source] = head.record.sources;
const store = await openStore(storeFolder);
const images: { path: string; sha256: string; views: number }[] = [];
for await (const { paths, sha256, views } of store.parts())
  for (const [i, path] of paths.entries())
    if (views[i] === 0) images.push({ path, sha256: sha256[i], views: 0 });
const photos = await readPhotoFolder(storeFolder);
const engine = await loadEngine('onnxruntime');
const folder = mkdtempSync(join(tmpdir(), 'permafrost-dtypes-'));

try {
  for (const from of given.length > 0 ? given : ['last-block']) await compare(from);
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(from: string): Promise<void> {
  const { backbone: name, weights, size } = source.pipeline;
  const network = { name, weights, size, poolings: source.columns, from };
  const cut = await loadCutBackbone({ ...network, batchNorm: 'frozen' });
  const cacheOf = async (dtype: ActivationDtype) => {
    const request = {
      network: { ...network, engine: 'onnxruntime' },
      cut,
      images,
      augment: undefined,
      folder,
      dtype,
    };
    const limits = { maxBytes: undefined, maxMemory: 0, photos, batchSize: 16, concurrency: 4 };
    return cacheActivations({ ...request, ...limits }, { reporter: silent });
  };
  const exact = await cacheOf('float32');
  const wanted = await predictions(cut, head, openActivations(exact.request));
  const say = (what: string, bytes: number, found: Prediction): void => {
    const same = found.labels.filter((label, i) => label === wanted.labels[i]).length;
    const shift = Math.max(...found.confidences.map((value, i) => Math.abs(value - wanted.confidences[i])));
    console.log(
      `  ${what}: ${(bytes / 1e6).toFixed(1)} MB, ${((100 * same) / images.length).toFixed(2)} % same labels, probabilities differ by ${shift.toFixed(4)} at most`,
    );
  };
  console.log(`${name} from ${from}: ${images.length} images, ${cut.cut.layer} ${cut.cut.shape.join('x')}`);
  for (const dtype of ACTIVATION_DTYPES) {
    const { request, bytes } = await cacheOf(dtype);
    say(dtype, bytes, await predictions(cut, head, openActivations(request)));
  }
  const reader = openActivations(exact.request);
  const common = withCommonScales(reader, await commonScales(reader));
  say('int8 with the scales of the first rows', exact.bytes / 4, await predictions(cut, head, common));
}

interface Prediction {
  labels: number[];
  /** The first class's probability of each image. */
  confidences: number[];
}

async function predictions(
  cut: CutBackbone,
  { record }: Head,
  reader: ActivationReader,
): Promise<Prediction> {
  const tail = await engine.compile(cut.tail);
  const own = await engine.compile(headGraph(head));
  const weights = Object.fromEntries(cut.weights.map(({ name, data }) => [name, data]));
  const labels: number[] = [];
  const confidences: number[] = [];
  const length = activationLength(reader);
  const half = source.pipeline.dtype === 'float16';
  for (let start = 0; start < reader.rows; start += 32) {
    const rows = Int32Array.from({ length: Math.min(32, reader.rows - start) }, (_, i) => start + i);
    const activation = new Float32Array(rows.length * length);
    await reader.read(rows, activation);
    const outputs = await tail.run({ [ACTIVATION]: activation, ...weights });
    const columns = [];
    for (const name of source.columns) {
      const { dimension } = [...cut.frontColumns, ...cut.tailColumns].find((column) => column.name === name)!;
      const values = outputs[name] ?? new Float32Array(rows.length * dimension);
      if (!outputs[name]) await reader.column(name, rows, values);
      columns.push({ values, dimension, half });
    }
    const { probabilities } = await own.run({ features: sideBySide(columns, rows.length) });
    const classes = record.classes.length;
    for (let row = 0; row < rows.length; row++) {
      const each = probabilities.subarray(row * classes, (row + 1) * classes);
      labels.push(each.indexOf(Math.max(...each)));
      confidences.push(each[0]);
    }
  }
  await tail.release();
  await own.release();
  await reader.close();
  return { labels, confidences };
}

/** The largest number of each channel among the first rows, over 127. */
async function commonScales(reader: ActivationReader): Promise<Float32Array> {
  const channels = reader.shape[2];
  const scales = new Float32Array(channels);
  const activation = new Float32Array(activationLength(reader));
  for (let row = 0; row < Math.min(256, reader.rows); row++) {
    await reader.read(Int32Array.of(row), activation);
    for (const [i, value] of activation.entries())
      scales[i % channels] = Math.max(scales[i % channels], Math.abs(value) / 127);
  }
  return scales;
}

function withCommonScales(reader: ActivationReader, scales: Float32Array): ActivationReader {
  return {
    ...reader,
    async read(rows, into) {
      await reader.read(rows, into);
      for (let i = 0; i < into.length; i++) {
        const scale = scales[i % scales.length];
        into[i] = scale * Math.max(-127, Math.min(127, Math.round(scale > 0 ? into[i] / scale : 0)));
      }
    },
  };
}
