/** Weights made by a formula: full-size networks can be tested without their files, here and in Python alike. */
import { elementCount, type Shape } from '../graph/value.ts';
import type { WeightName, WeightSource } from './source.ts';

type Kernel = 'kernel' | 'depthwise_kernel' | 'pointwise_kernel';

/**
 * What weights other than kernels are drawn from. Kernels are He-uniform, so that signals keep their size through
 * ReLUs; batch-norm statistics lie around those of normalised signals, wide enough for any mix-up to show.
 */
const SPREADS: Record<Exclude<WeightName, Kernel>, readonly [number, number]> = {
  bias: [-0.05, 0.05],
  gamma: [0.8, 1.25],
  beta: [-0.1, 0.1],
  moving_mean: [-0.1, 0.1],
  moving_variance: [0.75, 1.25],
  mean: [0.4, 0.5],
  variance: [0.2, 0.3],
  count: [1, 1],
  layer_scale: [0.2, 0.6],
};

/**
 * The batch-norm that closes a block of EfficientNet or MobileNetV2. A residual branch must add little: where signals grow
 * with depth, gates saturate and turn float32's rounding into differences of 10 % (Keras in float32 against itself in
 * float64), and ReLU6 clips every photo to the same values. A block without a shortcut makes up for its gate, which halves.
 */
const CLOSING_GAMMAS: readonly (readonly [RegExp, readonly [number, number]])[] = [
  [/^block\d+a_project_bn$/, [1.04, 1.625]],
  [/^block\d+[b-z]_project_bn$/, [0.16, 0.25]],
  [/^block_\d+_project_BN$/, [0.464, 0.725]],
];

/** Kernels are uniform within sqrt(gain / inputs of one output). */
const KERNELS: Record<Kernel, { gain: number; inputs(shape: Shape): number }> = {
  kernel: { gain: 6, inputs: (shape) => elementCount(shape.slice(0, -1)) },
  depthwise_kernel: { gain: 6, inputs: (shape) => elementCount(shape.slice(0, 2)) },
  /** No activation lies between it and its depthwise kernel. */
  pointwise_kernel: { gain: 3, inputs: (shape) => shape[2] },
};

function spread(layer: string, weight: WeightName, shape: Shape): readonly [number, number] {
  const closing = weight === 'gamma' && CLOSING_GAMMAS.find(([pattern]) => pattern.test(layer));
  if (closing) return closing[1];
  if (!isKernel(weight)) return SPREADS[weight];
  const { gain, inputs } = KERNELS[weight];
  const limit = Math.sqrt(gain / inputs(shape));
  return [-limit, limit];
}

function isKernel(weight: WeightName): weight is Kernel {
  return weight in KERNELS;
}

/** FNV-1a over UTF-8 bytes. */
function hash32(text: string): number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 0x01000193);
  return state;
}

/**
 * The stream named `key`: 32 uniform bits for each index (the finaliser of MurmurHash3 over a Weyl sequence). As a signed
 * number, which V8 keeps out of the heap.
 */
export function draws(key: string): (index: number) => number {
  const start = hash32(key);
  return (index) => {
    let x = (Math.imul(index, 0x9e3779b9) + start) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return x ^ (x >>> 16);
  };
}

/**
 * Element i of a weight is `low + (high - low) * u`, u being the upper 24 bits of draw i of the stream
 * `seed/layer/weight`, as a fraction; computed in float64, rounded to float32.
 */
export function seededSource(seed: number): WeightSource {
  return (layer, weight, shape) => {
    const [low, high] = spread(layer, weight, shape);
    const draw = draws(`${seed}/${layer}/${weight}`);
    const data = new Float32Array(elementCount(shape));
    for (let i = 0; i < data.length; i++) data[i] = low + (high - low) * ((draw(i) >>> 8) / 2 ** 24);
    return data;
  };
}
