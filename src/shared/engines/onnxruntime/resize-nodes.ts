/** ONNX nodes that bring photos of any size to the size that a backbone wants. */
import { usage } from '../../errors.ts';
import type { Resize, Size } from '../../images/resize.ts';
import type { Emitter } from './emitter.ts';
import { ELEMENT_TYPE, type OnnxAttributes } from './proto.ts';

/** Resize of operator set 18 with Pillow's kernels, which it has but for Lanczos. */
const MODES: Readonly<Record<string, OnnxAttributes>> = {
  nearest: { mode: 'nearest', nearest_mode: 'round_prefer_ceil' },
  bilinear: { mode: 'linear', antialias: 1 },
  bicubic: { mode: 'cubic', antialias: 1, cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
};

/** What `Math.floor` is spared where only a division made a whole number fall short of itself, as in placement(). */
const ALMOST = 1e-6;

/**
 * Adds the nodes; their arithmetic is that of placement().
 * @param pixels name of uint8 [batch, height, width, 3]
 * @returns name of uint8 [batch, size.height, size.width, 3]
 * @throws UsageError for an interpolation that ONNX does not have
 */
export function emitResize(emitter: Emitter, pixels: string, size: Size, resize: Resize): string {
  const mode = MODES[resize.interpolation];
  if (!mode) {
    throw usage(
      `a head on images resized by ${Object.keys(MODES).join(', ')}, which ONNX has,`,
      '--format onnx',
      resize.interpolation,
    );
  }
  const { node, integers } = emitter;
  const frame = integers([size.height, size.width]);
  const image = node('Transpose', [pixels], { perm: [0, 3, 1, 2] });
  const resized = resize.fit === 'stretch' ? frame : proportionalSize(emitter, pixels, frame, resize);
  // onnxruntime 1.30 fails on the attribute `axes`, with which two sizes would do.
  const batch = node('Shape', [pixels], { start: 0, end: 1 });
  const sizes = node('Concat', [batch, integers([3]), resized], { axis: 0 });
  const scaled = node('Resize', [image, '', '', sizes], {
    ...mode,
    coordinate_transformation_mode: 'half_pixel',
  });
  const placed = resize.fit === 'stretch' ? scaled : inFrame(emitter, scaled, resized, frame);
  return node('Transpose', [placed], { perm: [0, 2, 3, 1] });
}

/** The name of [height, width], whole numbers, that keep the image's proportions. */
function proportionalSize(
  { node, integers, floats }: Emitter,
  pixels: string,
  frame: string,
  { fit, edge }: Resize,
): string {
  const real = (name: string): string => node('Cast', [name], { to: ELEMENT_TYPE.float64 });
  const image = real(node('Shape', [pixels], { start: 1, end: 3 }));
  const ratios = node('Div', [real(frame), image]);
  const scale =
    edge === undefined
      ? node(fit === 'pad' ? 'ReduceMin' : 'ReduceMax', [ratios])
      : node('Div', [real(integers([edge])), node('ReduceMin', [image])]);
  const almost = real(floats(new Float32Array([ALMOST]), [1]));
  const whole = node('Floor', [node('Add', [node('Mul', [image, scale]), almost])]);
  const pixelsOf = node('Cast', [whole], { to: ELEMENT_TYPE.int64 });
  return node('Max', [pixelsOf, integers([1])]);
}

/** The middle of an NCHW image where it is larger than the frame; black around it where it is smaller. */
function inFrame({ node, integers }: Emitter, image: string, resized: string, frame: string): string {
  const zero = integers([0]);
  // Whole numbers: the division rounds toward zero.
  const offset = node('Div', [node('Sub', [frame, resized]), integers([2])]);
  const start = node('Max', [node('Neg', [offset]), zero]);
  const cut = node('Slice', [image, start, node('Add', [start, frame]), integers([2, 3])]);
  const before = node('Max', [offset, zero]);
  const kept = node('Min', [resized, frame]);
  const after = node('Sub', [node('Sub', [frame, before]), kept]);
  const none = integers([0, 0]);
  return node('Pad', [cut, node('Concat', [none, before, none, after], { axis: 0 })]);
}
