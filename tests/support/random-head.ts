/** Heads that nobody trained: random numbers behind a backbone, by default a small seeded one, for tests of what is done with heads. */
import { loadCutBackbone } from '../../src/shared/backbones/cut/load.ts';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { PRECISION } from '../../src/shared/backbones/thread/protocol.ts';
import { elementCount } from '../../src/shared/graph/value.ts';
import { type HeadConfig, NORMALIZATION_STATISTICS } from '../../src/shared/head/config.ts';
import { headLayers, headParameters } from '../../src/shared/head/layers.ts';
import { type HeadRecord, writeHead } from '../../src/shared/head/record.ts';
import type { TailSettings } from '../../src/shared/head/tail-settings.ts';
import { random } from '../../src/shared/random.ts';
import { MATHS_VERSION } from '../../src/shared/store/pipeline.ts';
import type { Tensor } from '../../src/shared/weights/safetensors.ts';
import { changedTail } from './changed-tail.ts';

const CONFIG: HeadConfig = {
  hidden: [],
  activation: 'relu',
  dropout: 0,
  batchNorm: false,
  bias: true,
  normalize: 'none',
  se: 0,
  order: ['dense', 'dropout', 'bn', 'activation'],
  output: 'softmax',
  loss: 'categorical_crossentropy',
  optimizer: 'adam',
  lr: 1e-3,
  momentum: 0,
  nesterov: false,
  l2: 0,
  l1: 0,
  maxNorm: 0,
  warmup: 0,
  schedule: 'constant',
  epochs: 1,
  batchSize: 32,
  earlyStopping: 0,
  monitor: 'loss',
  seed: 0,
  classWeight: 'none',
  labelSmoothing: 0,
};

const TAIL = { train: 'all-but-batch-norm', batchNorm: 'frozen', lrTail: 0.1, clip: 1 } as const;

export interface HeadChoices {
  config?: Partial<HeadConfig>;
  /** As recorded with features. */
  resize?: string;
  size?: { width: number; height: number };
  dtype?: 'float32' | 'float16';
  record?: Partial<HeadRecord>;
  /** Several: their features side by side. */
  backbone?: string | readonly string[];
  weights?: string;
  /** Columns of each backbone; default: avg. */
  poolings?: readonly string[];
  /** How the end of the backbone was trained; its weights are changed at random. */
  tail?: Pick<TailSettings, 'from'> & Partial<TailSettings>;
}

/** Writes a head for the classes red, green and blue into `dir`. */
export async function writeRandomHead(
  dir: string,
  {
    config: chosen,
    resize = 'bilinear',
    size = { width: 64, height: 48 },
    dtype = 'float32',
    record: own,
    backbone: names = 'mobilenet_0.25',
    weights = 'none',
    poolings = ['avg'],
    tail,
  }: HeadChoices = {},
): Promise<string> {
  const config = { ...CONFIG, ...chosen, ...(tail && { tail: { ...TAIL, ...tail } }) };
  const sources: HeadRecord['sources'] = [];
  for (const name of [names].flat()) {
    const backbone = await loadBackbone({ name, weights, size, poolings });
    sources.push({
      pipeline: {
        backbone: name,
        size,
        resize,
        dtype,
        weights,
        weightsHash: backbone.weightsHash,
        preprocessing: backbone.preprocessing,
        precision: PRECISION,
        maths: MATHS_VERSION,
        poolings: [...poolings],
        version: '0.1.0',
        engine: { name: 'onnxruntime', version: '1' },
      },
      columns: [...poolings],
      dimension: backbone.columns.reduce((sum, column) => sum + column.dimension, 0),
    });
  }
  const dimension = sources.reduce((sum, source) => sum + source.dimension, 0);
  const record: Omit<HeadRecord, 'format' | 'formatVersion'> = {
    version: '0.1.0',
    engine: { name: 'onnxruntime', version: '1' },
    task: 'multiclass',
    classes: ['red', 'green <b>', 'blue'],
    config,
    sources,
    metrics: { val: {}, test: null },
    ...own,
  };
  const stream = random(1, 'head');
  const tensors = new Map<string, Tensor>();
  for (const { name: parameter, shape } of headParameters(
    headLayers(config, dimension, record.classes.length),
  )) {
    const isSpread = /gamma|variance/.test(parameter);
    const scale = parameter.endsWith('kernel') ? 2 / Math.sqrt(shape[0]) : 0.5;
    const data = Float32Array.from({ length: elementCount(shape) }, () =>
      isSpread ? 0.5 + stream.uniform() : scale * stream.normal(),
    );
    tensors.set(parameter, { shape, data });
  }
  for (const name of NORMALIZATION_STATISTICS[config.normalize]) {
    const least = name === 'deviation' ? 0.1 : 0;
    const data = Float32Array.from({ length: dimension }, () => least + stream.uniform());
    tensors.set(`normalize/${name}`, { shape: [dimension], data });
  }
  const [name] = [names].flat();
  const trained = config.tail && (await loadCutBackbone({ name, weights, size, poolings, ...config.tail }));
  await writeHead(dir, record, tensors, trained && changedTail(trained.weights));
  return dir;
}
