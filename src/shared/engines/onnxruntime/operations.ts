/** The table operation → ONNX nodes. */
import type { ComputedOperation } from '../../graph/operations/index.ts';
import { BATCH, elementCount, type ReductionAttributes, type Shape, type Value } from '../../graph/value.ts';
import { emitDepthwise, emitDepthwiseImageGradient, emitDepthwiseKernelGradient } from './depthwise.ts';
import {
  emitBlockedDepthwise,
  emitBlockedImageGradient,
  emitBlockedKernelGradient,
  fitsBlocks,
} from './depthwise-blocks.ts';
import { type Emitter, type Layout, nchwAxis } from './emitter.ts';
import { emitAvgPoolGradient, emitMaxPoolGradient, emitPool, onnxPads } from './pools.ts';
import { emitConvolution, emitImageGradient, emitKernelGradient } from './products.ts';
import { ELEMENT_TYPE, type OnnxAttributes } from './proto.ts';

/** Emits the nodes of one value; returns the result's name and layout. */
type Translation<O extends ComputedOperation> = (
  value: Value<O>,
  emitter: Emitter,
) => { name: string; layout: Layout };

const plain = (name: string) => ({ name, layout: 'plain' as const });
const nchw = (name: string) => ({ name, layout: 'nchw' as const });
const blocks = (name: string) => ({ name, layout: 'blocks' as const });

/** Works in whatever layout the image is in, so that no transposition is spent between two convolutions. */
function elementwise(
  type: string,
  options?: (value: Value, emitter: Emitter) => { inputs?: string[]; attributes?: OnnxAttributes },
) {
  return (value: Value, emitter: Emitter) => {
    const layout = elementwiseLayout(value.inputs, emitter);
    const inputs = value.inputs.map((input) => emitter.use(input, layout));
    const { inputs: extra = [], attributes } = options?.(value, emitter) ?? {};
    return { name: emitter.node(type, [...inputs, ...extra], attributes), layout };
  };
}

/** Whether everything is an image, or one number a channel or in all beside one. */
function areOfImages(inputs: readonly Value[]): boolean {
  return inputs.every(({ op, shape }) =>
    op === 'constant' ? (shape.at(-1) ?? 1) === elementCount(shape) : shape.length === 4 || shape.length <= 1,
  );
}

/** NCHW when as many images live there as elsewhere. */
function sharedLayout(inputs: readonly Value[], emitter: Emitter): Layout {
  const images = inputs.filter((input) => input.shape.length === 4);
  const there = images.filter((image) => emitter.isNchw(image)).length;
  return areOfImages(inputs) && there > 0 && 2 * there >= images.length ? 'nchw' : 'plain';
}

/**
 * Blocks when more images live there than elsewhere. Where as many do, the last decides: a gradient is multiplied by what the
 * forward pass left, whose layout the convolution before it wants.
 */
function elementwiseLayout(inputs: readonly Value[], emitter: Emitter): Layout {
  const images = inputs.filter((input) => input.shape.length === 4);
  const there = images.filter((image) => emitter.isBlocked(image)).length;
  const { block = 1 } = emitter;
  const fits = inputs.every(
    ({ shape }) => shape[shape.length - 1] % block === 0 || (shape.length < 4 && elementCount(shape) === 1),
  );
  const isMost = 2 * there > images.length || (there > 0 && emitter.isBlocked(images[images.length - 1]));
  return areOfImages(inputs) && fits && isMost ? 'blocks' : sharedLayout(inputs, emitter);
}

/** @param emitTrained for a kernel that is not a constant */
function convolution<O extends 'conv2d' | 'depthwiseConv2d'>(
  kernelPermutation: readonly number[],
  group: (channels: number) => number,
  emitTrained: Translation<O>,
) {
  return (value: Value<O>, emitter: Emitter) => {
    const { inputs, attributes } = value;
    const [image, kernel, bias] = inputs;
    if (!isConstant(kernel)) return emitTrained(value, emitter);
    const { strides, padding, dilations } = attributes;
    const weights = emitter.floats(...transposedKernel(kernel, kernelPermutation));
    const operands = [emitter.use(image, 'nchw'), weights, ...(bias ? [emitter.use(bias)] : [])];
    return nchw(
      emitter.node('Conv', operands, {
        kernel_shape: kernel.shape.slice(0, 2),
        strides,
        dilations,
        pads: onnxPads(padding),
        group: group(image.shape[3]),
      }),
    );
  };
}

function isConstant(value: Value): value is Value<'constant'> {
  return value.op === 'constant';
}

/** Channels in a tile of {@link transposedKernel}: one cache line of float32. */
const TILE = 16;

/** Transposes an HWIO or HWC1 kernel to ONNX's OIHW once, when the graph is compiled. */
function transposedKernel(
  { shape, attributes: { data } }: Value<'constant'>,
  [outAxis, inAxis]: readonly number[],
): [Float32Array, Shape] {
  const [height, width] = shape;
  const [outs, ins] = [shape[outAxis], shape[inAxis]];
  const [outStep, inStep] = outAxis === 3 ? [1, shape[3]] : [shape[3], 1];
  const area = height * width;
  const result = new Float32Array(data.length);
  // Tile by tile, so that what is read with large strides is still in the cache when its neighbours are needed.
  for (let outTile = 0; outTile < outs; outTile += TILE) {
    for (let inTile = 0; inTile < ins; inTile += TILE) {
      for (let out = outTile; out < Math.min(outTile + TILE, outs); out++) {
        for (let channel = inTile; channel < Math.min(inTile + TILE, ins); channel++) {
          const to = (out * ins + channel) * area;
          const from = out * outStep + channel * inStep;
          for (let tap = 0; tap < area; tap++) result[to + tap] = data[from + tap * outs * ins];
        }
      }
    }
  }
  return [result, [outs, ins, height, width]];
}

function reduction(type: string) {
  return (value: Value, emitter: Emitter) => {
    const { inputs, attributes, shape } = value;
    const [x] = inputs;
    const { axes, keepDims } = attributes as ReductionAttributes;
    const { node, integers, use } = emitter;
    const isSpatial = axes.includes(1) && axes.includes(2);
    if (emitter.isBlocked(x) && !axes.includes(3) && (keepDims || isSpatial)) {
      const blockAxes = integers(axes.map((axis) => (axis === 0 ? 0 : axis + 1)));
      const name = node(type, [use(x, 'blocks'), blockAxes], { keepdims: 1 });
      if (keepDims) return { name, layout: 'blocks' as const };
      return plain(node('Reshape', [name, integers(onnxShape(shape))]));
    }
    // Folding height and width away leaves [batch, channels] either way, so an NCHW image need not be turned first.
    const stays = emitter.isNchw(x) && (keepDims || (axes.length === 2 && axes[0] === 1 && axes[1] === 2));
    const onnxAxes = integers(stays ? axes.map(nchwAxis) : axes);
    const name = node(type, [use(x, stays ? 'nchw' : 'plain'), onnxAxes], { keepdims: keepDims ? 1 : 0 });
    return stays && keepDims ? nchw(name) : plain(name);
  };
}

/** ONNX writes "keep this size" as -1 in Reshape, which is what an open batch needs. */
const onnxShape = (shape: Shape): number[] => shape.map((size) => (size === BATCH ? -1 : size));

/** Comparisons and two casts are twice as fast as Sign or Where, which have no SIMD kernel. */
function isBetween(value: Value<'isBetween'>, emitter: Emitter) {
  const { node } = emitter;
  const layout = elementwiseLayout(value.inputs, emitter);
  const x = emitter.use(value.inputs[0], layout);
  const { min, max } = value.attributes;
  const sides = [
    ...(min === -Infinity ? [] : [node('Greater', [x, number(min, emitter)])]),
    ...(max === Infinity ? [] : [node('Less', [x, number(max, emitter)])]),
  ];
  const between = sides.length === 2 ? node('And', sides) : sides[0];
  return { name: node('Cast', [between], { to: ELEMENT_TYPE.float32 }), layout };
}

const number = (value: number, { floats }: Emitter): string => floats(new Float32Array([value]), []);

const lastAxis = () => ({ attributes: { axis: -1 } });

export const ONNX_OPERATIONS: { readonly [O in ComputedOperation]: Translation<O> } = {
  add: elementwise('Add'),
  sub: elementwise('Sub'),
  mul: elementwise('Mul'),
  div: elementwise('Div'),
  neg: elementwise('Neg'),
  exp: elementwise('Exp'),
  log: elementwise('Log'),
  sqrt: elementwise('Sqrt'),
  erf: elementwise('Erf'),
  sign: elementwise('Sign'),
  relu: elementwise('Relu'),
  sigmoid: elementwise('Sigmoid'),
  tanh: elementwise('Tanh'),
  softplus: elementwise('Softplus'),
  clip: elementwise('Clip', (value, emitter) => {
    const { min, max } = (value as Value<'clip'>).attributes;
    return { inputs: [number(min, emitter), number(max, emitter)] };
  }),
  isBetween,
  cast: elementwise('Cast', (value) => ({
    attributes: { to: ELEMENT_TYPE[(value as Value<'cast'>).attributes.to] },
  })),
  softmax: ({ inputs: [x] }, emitter) =>
    plain(emitter.node('Softmax', [emitter.use(x)], lastAxis().attributes)),
  logSoftmax: ({ inputs: [x] }, emitter) =>
    plain(emitter.node('LogSoftmax', [emitter.use(x)], lastAxis().attributes)),
  layerNorm: ({ inputs, attributes: { epsilon } }, emitter) =>
    plain(
      emitter.node(
        'LayerNormalization',
        inputs.map((input) => emitter.use(input)),
        { axis: -1, epsilon: { float: epsilon } },
      ),
    ),
  matmul({ inputs: [a, b], attributes: { transposeA, transposeB } }, emitter) {
    if (a.shape.length === 2 && b.shape.length === 2) {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      return plain(emitter.node('Gemm', [emitter.use(a), emitter.use(b)], attributes));
    }
    const turned = (value: Value, transposed: boolean): string => {
      const rank = value.shape.length;
      const perm = value.shape
        .map((_, axis) => axis)
        .slice(0, -2)
        .concat(rank - 1, rank - 2);
      return transposed ? emitter.node('Transpose', [emitter.use(value)], { perm }) : emitter.use(value);
    };
    return plain(emitter.node('MatMul', [turned(a, transposeA), turned(b, transposeB)]));
  },
  conv2d: convolution(
    [3, 2],
    () => 1,
    (value, emitter) => plain(emitConvolution(value, emitter)),
  ),
  conv2dImageGradient: (value, emitter) => plain(emitImageGradient(value, emitter)),
  conv2dKernelGradient: (value, emitter) => plain(emitKernelGradient(value, emitter)),
  depthwiseConv2d: convolution(
    [2, 3],
    (channels) => channels,
    (value, emitter) =>
      fitsBlocks(value, emitter)
        ? blocks(emitBlockedDepthwise(value, emitter))
        : plain(emitDepthwise(value, emitter)),
  ),
  depthwiseConv2dImageGradient: (value, emitter) =>
    fitsBlocks(value, emitter)
      ? blocks(emitBlockedImageGradient(value, emitter))
      : plain(emitDepthwiseImageGradient(value, emitter)),
  depthwiseConv2dKernelGradient(value, emitter) {
    const [image] = value.inputs;
    const isBlocked = fitsBlocks(image, emitter) && image.shape[0] !== BATCH;
    return plain((isBlocked ? emitBlockedKernelGradient : emitDepthwiseKernelGradient)(value, emitter));
  },
  maxPool: (value, emitter) => nchw(emitPool('MaxPool', value, emitter)),
  maxPoolGradient: (value, emitter) => nchw(emitMaxPoolGradient(value, emitter)),
  avgPool: (value, emitter) => nchw(emitPool('AveragePool', value, emitter)),
  avgPoolGradient: (value, emitter) => nchw(emitAvgPoolGradient(value, emitter)),
  pad({ inputs: [image], attributes: { padding } }, emitter) {
    const [top, bottom, left, right] = padding;
    const pads = emitter.integers([0, 0, top, left, 0, 0, bottom, right]);
    return nchw(emitter.node('Pad', [emitter.use(image, 'nchw'), pads]));
  },
  reduceSum: reduction('ReduceSum'),
  reduceMean: reduction('ReduceMean'),
  reduceMax: reduction('ReduceMax'),
  reshape: ({ inputs: [x], attributes: { shape } }, emitter) =>
    plain(emitter.node('Reshape', [emitter.use(x), emitter.integers(onnxShape(shape))])),
  broadcastTo: ({ inputs: [x], attributes: { shape } }, emitter) =>
    plain(
      emitter.node('Expand', [
        emitter.use(x),
        emitter.integers(shape.map((size) => (size === BATCH ? 1 : size))),
      ]),
    ),
  transpose: ({ inputs: [x], attributes: { permutation } }, emitter) =>
    plain(emitter.node('Transpose', [emitter.use(x)], { perm: permutation })),
  concat({ inputs, attributes: { axis } }, emitter) {
    const layout = sharedLayout(inputs, emitter);
    const names = inputs.map((input) => emitter.use(input, layout));
    return {
      name: emitter.node('Concat', names, { axis: layout === 'nchw' ? nchwAxis(axis) : axis }),
      layout,
    };
  },
  slice({ inputs: [x], attributes: { axis, start, end } }, emitter) {
    const layout = sharedLayout([x], emitter);
    const onnxAxis = layout === 'nchw' ? nchwAxis(axis) : axis;
    const range = [[start], [end], [onnxAxis]].map((values) => emitter.integers(values));
    return { name: emitter.node('Slice', [emitter.use(x, layout), ...range]), layout };
  },
};
