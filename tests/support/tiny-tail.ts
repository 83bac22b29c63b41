/** A network of one convolution with a head, for tests of how tails train: 24 images, three classes. */

import type { TailData } from '../../src/fine-tune/tail/data.ts';
import type { TailNetwork } from '../../src/fine-tune/tail/network.ts';
import type { TailJob } from '../../src/fine-tune/tail/train-tail.ts';
import type { TailWeight } from '../../src/shared/backbones/cut/weights.ts';
import * as build from '../../src/shared/graph/build.ts';
import { meanOf, varianceOf } from '../../src/shared/graph/moments.ts';
import { BATCH, elementCount, type Shape, type Value } from '../../src/shared/graph/value.ts';
import { headTensors } from '../../src/shared/head/head-tensors.ts';
import { headLayers, headParameters } from '../../src/shared/head/layers.ts';
import type { HeadRequest } from '../../src/shared/head/options.ts';
import type { Head, HeadRecord } from '../../src/shared/head/record.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import type { TailSettings } from '../../src/shared/head/tail-settings.ts';
import { random } from '../../src/shared/random.ts';
import { activationsInMemory } from '../../src/shared/store/activations/memory.ts';
import type { Pipeline } from '../../src/shared/store/schema.ts';

const SHAPE = [2, 2, 3];
const CHANNELS = 4;
/** Of the column that is computed before the cut. */
const EARLY = 3;
const CLASSES = ['a', 'b', 'c'];
const IMAGES = 24;
const TRAIN = 17;
const EPSILON = 1e-3;

const numbers = (length: number, purpose: string): Float32Array => {
  const stream = random(3, purpose);
  return Float32Array.from({ length }, () => stream.normal());
};

/** `activation` → convolution → batch-norm → swish → `avg`, beside the front's column `early`. */
export function tinyNetwork(batchNorm: 'frozen' | 'trainable'): TailNetwork {
  const weight = (
    layer: string,
    name: TailWeight['weight'],
    shape: Shape,
    role: TailWeight['role'],
  ): TailWeight => {
    const data = numbers(elementCount(shape), `${layer}/${name}`);
    const isVariance = name === 'moving_variance';
    return {
      name: `${layer}/${name}`,
      layer,
      kind: layer === 'bn' ? 'batch_normalization' : 'conv2d',
      weight: name,
      shape,
      data: isVariance ? data.map((value) => 0.5 + value * value) : data,
      role,
      isFrozenNorm: layer === 'bn' && batchNorm === 'frozen',
      momentum: role === 'statistic' ? 0.9 : undefined,
    };
  };
  const weights = [
    weight('conv', 'kernel', [1, 1, SHAPE[2], CHANNELS], 'kernel'),
    weight('conv', 'bias', [CHANNELS], 'bias'),
    weight('bn', 'gamma', [CHANNELS], 'norm'),
    weight('bn', 'beta', [CHANNELS], 'norm'),
    weight('bn', 'moving_mean', [CHANNELS], 'statistic'),
    weight('bn', 'moving_variance', [CHANNELS], 'statistic'),
  ];
  const graphOf = (usesBatch: boolean) => {
    const inputs = new Map(weights.map(({ name, shape }) => [name, build.input(name, 'float32', shape)]));
    const of = (name: string): Value => inputs.get(name)!;
    const activation = build.input('activation', 'float32', [BATCH, ...SHAPE]);
    const window = { strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1] } as const;
    const map = build.conv2d(activation, of('conv/kernel'), of('conv/bias'), window);
    const overBatch = { axes: [0, 1, 2], keepDims: false };
    const mean = usesBatch ? build.reduceMean(map, overBatch) : of('bn/moving_mean');
    const centred = build.sub(map, mean);
    const variance = usesBatch
      ? build.reduceMean(build.mul(centred, centred), overBatch)
      : of('bn/moving_variance');
    const deviation = build.sqrt(build.add(variance, build.scalar(EPSILON)));
    const normal = build.add(build.mul(build.div(centred, deviation), of('bn/gamma')), of('bn/beta'));
    const active = build.mul(normal, build.sigmoid(normal));
    const avg = build.reduceMean(active, { axes: [1, 2], keepDims: false });
    return build.graph(usesBatch ? { avg, [meanOf('bn')]: mean, [varianceOf('bn')]: variance } : { avg });
  };
  return {
    tail: graphOf(false),
    trainingTail: graphOf(batchNorm === 'trainable'),
    weights,
    frontColumns: [{ name: 'early', dimension: EARLY }],
    tailColumns: [{ name: 'avg', dimension: CHANNELS }],
  };
}

/** Classes follow from the activations, so that there is something to learn. */
export function tinyData(rest: Partial<Pick<TailData, 'task' | 'weights'>> = {}): TailData {
  const length = elementCount(SHAPE);
  const activations = numbers(IMAGES * length, 'activations');
  const targets = new Uint8Array(IMAGES * CLASSES.length);
  for (let image = 0; image < IMAGES; image++) {
    const first = activations[image * length];
    targets[image * CLASSES.length + (first < -0.4 ? 0 : first < 0.4 ? 1 : 2)] = 1;
  }
  const rows = Int32Array.from({ length: IMAGES }, (_, row) => row);
  const [train, val] = [rows.slice(0, TRAIN), rows.slice(TRAIN)];
  return {
    task: 'multiclass',
    classes: CLASSES.length,
    targets,
    rows: { train: { cache: train, image: train }, val: { cache: val, image: val } },
    activations: activationsInMemory({
      shape: SHAPE,
      contents: Array.from(rows, (row) => ({ sha256: row.toString(16).padStart(64, '0'), view: 0 })),
      activations,
      columns: [{ name: 'early', dimension: EARLY }],
      features: new Map([['early', numbers(IMAGES * EARLY, 'early')]]),
    }),
    ...rest,
  };
}

const PIPELINE: Pipeline = {
  backbone: 'resnet50',
  weights: 'none',
  weightsHash: 'a'.repeat(64),
  size: { width: 64, height: 64 },
  poolings: ['early', 'avg'],
  preprocessing: 'caffe',
  resize: 'bilinear',
  precision: 'fp32',
  dtype: 'float32',
  maths: 1,
  engine: { name: 'onnxruntime', version: '1.0.0' },
  version: '0.1.0',
};

/** A head on `early` and `avg`. */
export function tinyHead(request: Partial<HeadRequest> = {}): Head {
  const config = resolveConfig(request, 'multiclass');
  const inputs = EARLY + CHANNELS;
  const record: HeadRecord = {
    format: 'permafrost-head',
    formatVersion: 1,
    version: '0.1.0',
    engine: { name: 'onnxruntime', version: '1.0.0' },
    task: 'multiclass',
    classes: CLASSES,
    config,
    sources: [{ pipeline: PIPELINE, columns: ['early', 'avg'], dimension: inputs }],
    metrics: { val: {}, test: null },
  };
  const specs = headParameters(headLayers(config, inputs, CLASSES.length));
  const parameters = specs.flatMap(({ name, shape }) => {
    const values = numbers(elementCount(shape), name);
    return [...(name.endsWith('variance') ? values.map((value) => 0.5 + value * value) : values)];
  });
  const deviation = numbers(inputs, 'deviation').map((value) => 0.5 + value * value);
  const statistics = { mean: numbers(inputs, 'mean'), deviation };
  return { record, tensors: headTensors(record, Float32Array.from(parameters), statistics) };
}

const tinyTail: TailSettings = { from: 'conv', train: 'all', batchNorm: 'frozen', lrTail: 1, clip: 0 };

export function tinyJob(
  request: Partial<HeadRequest> = {},
  tail: Partial<TailSettings> = {},
  id = '1',
): TailJob {
  const config = resolveConfig({ epochs: 5, batchSize: 4, lr: 0.01, ...request }, 'multiclass');
  return { id, config: { ...config, tail: { ...tinyTail, ...tail } } };
}
