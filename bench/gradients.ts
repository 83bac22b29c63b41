/**
 * Speed of convolutions with trained kernels and of their gradients, in GFLOP/s on one thread, beside onnxruntime's own Conv:
 *
 *     npx tsx bench/gradients.ts [BATCH]
 *
 * The time is the processor's (a process on a shared machine waits for others), the least of several runs; only the
 * multiplications and additions that the convolution asks for are counted.
 */
import { loadEngine } from '../src/shared/engines/engine.ts';
import * as build from '../src/shared/graph/build.ts';
import { gradients } from '../src/shared/graph/gradient.ts';
import { elementCount, type Shape, type Value } from '../src/shared/graph/value.ts';
import { random } from '../src/shared/random.ts';

const BATCH = Number(process.argv[2] ?? 32);
const RUNS = 6;

interface Layer {
  network: string;
  size: number;
  ins: number;
  outs: number;
  kernel: number;
  stride?: number;
  depthwise?: boolean;
}

const LAYERS: Layer[] = [
  { network: 'ResNet50 conv5_block2_1', size: 7, ins: 2048, outs: 512, kernel: 1 },
  { network: 'ResNet50 conv5_block2_2', size: 7, ins: 512, outs: 512, kernel: 3 },
  { network: 'ResNet50 conv5_block2_3', size: 7, ins: 512, outs: 2048, kernel: 1 },
  { network: 'ResNet50 conv5_block1_0', size: 14, ins: 1024, outs: 2048, kernel: 1, stride: 2 },
  { network: 'DenseNet121 conv4_block24_2', size: 14, ins: 128, outs: 32, kernel: 3 },
  { network: 'efficientnet_lite0 block7a_expand', size: 7, ins: 192, outs: 1152, kernel: 1 },
  { network: 'efficientnet_lite0 block7a_project', size: 7, ins: 1152, outs: 320, kernel: 1 },
  {
    network: 'efficientnet_lite0 block7a_dwconv',
    size: 7,
    ins: 1152,
    outs: 1152,
    kernel: 3,
    depthwise: true,
  },
  {
    network: 'efficientnet_lite0 block6b_dwconv',
    size: 7,
    ins: 1152,
    outs: 1152,
    kernel: 5,
    depthwise: true,
  },
  {
    network: 'efficientnet_lite0 block6a_dwconv',
    size: 14,
    ins: 672,
    outs: 672,
    kernel: 5,
    stride: 2,
    depthwise: true,
  },
  { network: 'efficientnet_lite0 block5b_dwconv', size: 14, ins: 672, outs: 672, kernel: 5, depthwise: true },
];

const engine = await loadEngine('onnxruntime', { threads: 1 });
const table: Record<string, Record<string, number>> = {};
for (const layer of LAYERS) table[layer.network] = await benchLayer(layer);
console.log(`onnxruntime ${engine.version}, one thread, batch ${BATCH}, GFLOP/s`);
console.table(table);

async function benchLayer({ size, ins, outs, kernel, stride = 1, depthwise = false }: Layer) {
  const image = build.input('image', 'float32', [BATCH, size, size, ins]);
  const kernelShape = [kernel, kernel, ins, depthwise ? 1 : outs];
  const taps = build.input('taps', 'float32', kernelShape);
  const frozen = build.constant(numbers(kernelShape), kernelShape);
  const before = Math.floor((kernel - 1) / 2);
  const attributes = {
    strides: [stride, stride],
    padding: [before, before, before, before],
    dilations: [1, 1],
  } as const;
  const convolve = (by: Value): Value =>
    (depthwise ? build.depthwiseConv2d : build.conv2d)(image, by, undefined, attributes);
  const result = convolve(taps);
  const upstream = build.input('upstream', 'float32', result.shape);
  const loss = sum(build.mul(result, upstream));
  const [forImage, forKernel] = gradients(loss, [image, taps]);
  const work = (2 * elementCount(result.shape) * kernel * kernel * (depthwise ? 1 : ins)) / 1e9;
  return {
    'frozen (Conv)': await rate(work, { result: convolve(frozen) }),
    forward: await rate(work, { result }),
    image: await rate(work, { forImage }),
    kernel: await rate(work, { forKernel }),
    'all three': await rate(3 * work, { result, forImage, forKernel }),
  };
}

/** GFLOP/s of computing `outputs`. */
async function rate(work: number, outputs: Record<string, Value>): Promise<number> {
  const graph = build.graph(outputs);
  const program = await engine.compile(graph);
  const feeds = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, numbers(shape)]));
  const into = Object.fromEntries(
    [...graph.outputs].map(([name, { shape }]) => [name, new Float32Array(elementCount(shape))]),
  );
  let least = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const start = process.cpuUsage();
    await program.run(feeds, into);
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1e6);
  }
  await program.release();
  return Number((work / least).toPrecision(3));
}

function numbers(shape: Shape): Float32Array {
  const stream = random(1, shape.join('x'));
  return Float32Array.from({ length: elementCount(shape) }, () => stream.uniform() - 0.5);
}

function sum(value: Value): Value {
  return build.reduceSum(value, { axes: value.shape.map((_, axis) => axis), keepDims: false });
}
