/**
 * `npm run bench:fine-tune`: training the end of a network from cached activations, against Keras, in one run on one machine. Fails
 * when a claim does not hold. Keras runs where PERMAFROST_KERAS_PYTHON (default: python3) can import it: `fit` of the whole network
 * with its front frozen, on decoded and preprocessed pixels in memory, and `fit` of the end alone on the activations.
 * `npm run bench:fine-tune -- 2 5` measures the second and fifth row only.
 *
 * All train every weight of the end but batch-norm's, with Adam on batches of 32, and validate after each epoch. Counted is the
 * time from the end of the first epoch to the end of the last, so that nobody's start counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TailData } from '../src/fine-tune/tail/data.ts';
import { trainTails } from '../src/fine-tune/tail/train-tails.ts';
import { threadsOf } from '../src/fine-tune/tail/workers.ts';
import { type CutBackbone, loadCutBackbone } from '../src/shared/backbones/cut/load.ts';
import { elementCount } from '../src/shared/graph/value.ts';
import { headTensors } from '../src/shared/head/head-tensors.ts';
import { headLayers, headParameters } from '../src/shared/head/layers.ts';
import type { Head } from '../src/shared/head/record.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { random } from '../src/shared/random.ts';
import { activationsInMemory } from '../src/shared/store/activations/memory.ts';
import { type Measurement, report } from './report.ts';

interface Row {
  what: string;
  network: string;
  /** keras.applications' name; EfficientNet-Lite is not there, the script builds it. */
  keras: string;
  from: string;
  /** The least times faster than `fit` with a frozen front. */
  claim: number;
}

const ROWS: Row[] = [
  { what: 'ResNet50, conv5', network: 'resnet50', keras: 'ResNet50', from: 'conv5_block1', claim: 2 },
  { what: 'ResNet50, last block', network: 'resnet50', keras: 'ResNet50', from: 'last-block', claim: 5 },
  {
    what: 'EfficientNet-Lite0, last five blocks',
    network: 'efficientnet_lite0',
    keras: 'EfficientNetLite0',
    from: 'block6a',
    claim: 2,
  },
  {
    what: 'EfficientNet-Lite0, last block',
    network: 'efficientnet_lite0',
    keras: 'EfficientNetLite0',
    from: 'last-block',
    claim: 5,
  },
  {
    what: 'MobileNetV2, last block',
    network: 'mobilenet_v2',
    keras: 'MobileNetV2',
    from: 'last-block',
    claim: 5,
  },
];

/** Of `fit` on the same activations. */
const CACHED_CLAIM = 1;
const TRAIN = 256;
const VAL = 64;
const EPOCHS = 3;
const BATCH = 32;
const CLASSES = 10;
const LEARNING_RATE = 1e-5;
const PYTHON = process.env.PERMAFROST_KERAS_PYTHON ?? 'python3';

/** Images a second in the epochs behind the first. */
const rate = (seconds: number): number => (TRAIN * (EPOCHS - 1)) / seconds;

function madeUpData({ cut }: CutBackbone): TailData {
  const stream = random(0, 'bench');
  const images = Int32Array.from({ length: TRAIN + VAL }, (_, image) => image);
  const targets = new Uint8Array(images.length * CLASSES);
  for (const image of images) targets[image * CLASSES + (image % CLASSES)] = 1;
  const [train, val] = [images.slice(0, TRAIN), images.slice(TRAIN)];
  return {
    task: 'multiclass',
    classes: CLASSES,
    targets,
    rows: { train: { cache: train, image: train }, val: { cache: val, image: val } },
    activations: activationsInMemory({
      shape: cut.shape,
      contents: Array.from(images, (image) => ({ sha256: image.toString(16).padStart(64, '0'), view: 0 })),
      activations: Float32Array.from({ length: images.length * elementCount(cut.shape) }, () =>
        stream.uniform(),
      ),
    }),
  };
}

function linearHead({ size, weightsHash, preprocessing, tailColumns }: CutBackbone, network: string): Head {
  const [{ name, dimension }] = tailColumns;
  const config = resolveConfig(
    { epochs: EPOCHS, batchSize: BATCH, lr: LEARNING_RATE, normalize: 'none', earlyStopping: 0 },
    'multiclass',
  );
  const engine = { name: 'onnxruntime', version: '' };
  const record: Head['record'] = {
    format: 'permafrost-head',
    formatVersion: 1,
    version: '',
    engine,
    task: 'multiclass',
    classes: Array.from({ length: CLASSES }, (_, index) => `class ${index}`),
    config,
    sources: [
      {
        pipeline: {
          backbone: network,
          weights: 'none',
          weightsHash,
          size,
          poolings: [name],
          preprocessing,
          resize: 'bilinear',
          precision: 'fp32',
          dtype: 'float32',
          maths: 1,
          engine,
          version: '',
        },
        columns: [name],
        dimension,
      },
    ],
    metrics: { val: {}, test: null },
  };
  const stream = random(0, 'head');
  const parameters = headParameters(headLayers(config, dimension, CLASSES)).flatMap(({ shape }) =>
    Array.from({ length: elementCount(shape) }, () => 0.01 * stream.normal()),
  );
  return { record, tensors: headTensors(record, Float32Array.from(parameters), undefined) };
}

async function ours(network: CutBackbone, name: string, from: string): Promise<number> {
  const start = linearHead(network, name);
  const ends: number[] = [];
  const tail = { from, train: 'all-but-batch-norm', batchNorm: 'frozen', lrTail: 1, clip: 0 } as const;
  const workers = availableParallelism();
  await trainTails([{ id: '1', config: { ...start.record.config, tail } }], {
    network,
    data: madeUpData(network),
    start,
    engine: 'onnxruntime',
    workers,
    threads: threadsOf(1, workers),
    signal: new AbortController().signal,
    onEpoch: () => ends.push(performance.now()),
    onFinished({ result }) {
      if (result.status !== 'done') throw new Error(`The training ended as ${result.status}`);
    },
  });
  return (ends[ends.length - 1] - ends[0]) / 1000;
}

/** Seconds of `fit` on the whole network and on the activations, or why there are none. */
function keras(folder: string): { front: number; cached: number } | string {
  const script = fileURLToPath(new URL('./peers/keras_fine_tune.py', import.meta.url));
  const seconds = ['front', 'cached'].map((what) => {
    const { status, stdout, stderr } = spawnSync(PYTHON, [script, folder, what], { encoding: 'utf8' });
    if (status !== 0) return stderr.trim().split('\n').at(-1) ?? '';
    return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { seconds: number }).seconds;
  });
  const failure = seconds.find((result) => typeof result === 'string');
  return failure ?? { front: Number(seconds[0]), cached: Number(seconds[1]) };
}

async function measure({ what, network, keras: kerasName, from, claim }: Row): Promise<boolean> {
  const options = { weights: 'none', poolings: ['avg'], batchNorm: 'frozen' } as const;
  const backbone = await loadCutBackbone({ name: network, from, ...options });
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  try {
    const { cut, size } = backbone;
    const work = {
      network: kerasName,
      size: [size.height, size.width],
      kept: cut.layer,
      shape: cut.shape,
      isHalved: cut.isHalved,
      train: TRAIN,
      val: VAL,
      epochs: EPOCHS,
      batch: BATCH,
      classes: CLASSES,
      lr: LEARNING_RATE,
    };
    await writeFile(join(folder, 'work.json'), JSON.stringify(work));
    const seconds = await ours(backbone, network, from);
    const peer = keras(folder);
    const measurements: Measurement[] = [{ what: 'permafrost', value: rate(seconds), unit: 'images/s' }];
    if (typeof peer === 'string') console.log(`  Keras: not measured (${peer})`);
    else {
      measurements.push(
        { what: 'Keras fit with a frozen front', value: rate(peer.front), unit: 'images/s' },
        { what: 'times faster', value: peer.front / seconds, unit: 'x', claim },
        { what: 'Keras fit on the same activations', value: rate(peer.cached), unit: 'images/s' },
        { what: 'times faster', value: peer.cached / seconds, unit: 'x', claim: CACHED_CLAIM },
      );
    }
    return report(what, measurements);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

console.log(`${cpus().length} x ${cpus()[0].model}, Node ${process.version}`);
const requested = process.argv.slice(2);
const holds: boolean[] = [];
for (const [index, row] of ROWS.entries()) {
  if (requested.length === 0 || requested.includes(String(index + 1))) holds.push(await measure(row));
}
if (holds.includes(false)) process.exitCode = 1;
