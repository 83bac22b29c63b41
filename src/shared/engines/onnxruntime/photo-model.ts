/** One ONNX model of everything between photos and probabilities: resizing, backbones and head. */
import type { Graph } from '../../graph/value.ts';
import type { Resize, Size } from '../../images/resize.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { sessionOptions } from './options.ts';
import { ELEMENT_TYPE, encodeModel, type OnnxValueInfo } from './proto.ts';
import { emitResize } from './resize-nodes.ts';
import { emitGraph, nameOutput } from './translate.ts';

/** A backbone on its way into a model. */
export interface PhotoSource {
  /** `pixels` to feature columns. */
  graph: Graph;
  size: Size;
  resize: Resize;
  /** Whether the head was trained on features rounded to half precision. */
  half: boolean;
}

const INPUT = 'pixels';
const OUTPUT = 'probabilities';

/**
 * The bytes of a model with input `pixels`, uint8 RGB [batch, height, width, 3] of any height and width, and output
 * `probabilities`, float32 [batch, classes].
 * @param head from `features`, the columns of all sources side by side, to `probabilities`
 * @throws UsageError for resizing that ONNX does not have
 */
export function encodePhotoModel(
  sources: readonly PhotoSource[],
  head: Graph,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const emitter = createEmitter();
  const columns = sources.flatMap((source) => emitSource(emitter, source));
  const features = columns.length === 1 ? columns[0] : emitter.node('Concat', columns, { axis: 1 });
  const results = emitGraph(head, emitter, new Map([['features', features]]));
  nameOutput(emitter, results.get(OUTPUT)!, OUTPUT);
  const classes = head.outputs.get(OUTPUT)!.shape[1];
  return encodeModel(
    {
      name: 'permafrost',
      node: emitter.nodes,
      initializer: emitter.initializers,
      input: [valueInfo(INPUT, ELEMENT_TYPE.uint8, ['batch', 'height', 'width', 3])],
      output: [valueInfo(OUTPUT, ELEMENT_TYPE.float32, ['batch', classes])],
    },
    metadata,
  );
}

/** Names of a source's columns. */
function emitSource(emitter: Emitter, { graph, size, resize, half }: PhotoSource): string[] {
  const pixels = emitResize(emitter, INPUT, size, resize);
  const columns = [...emitGraph(graph, emitter, new Map([[INPUT, pixels]])).values()];
  if (!half) return columns;
  return columns.map((column) => {
    const rounded = emitter.node('Cast', [column], { to: ELEMENT_TYPE.float16 });
    return emitter.node('Cast', [rounded], { to: ELEMENT_TYPE.float32 });
  });
}

function valueInfo(name: string, type: number, shape: readonly (number | string)[]): OnnxValueInfo {
  const dim = shape.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }));
  return { name, type: { tensor_type: { elem_type: type, shape: { dim } } } };
}

/** Probabilities [images, classes] of a model that {@link encodePhotoModel} made, from its file. */
export async function runPhotoModel(
  path: string,
  pixels: Uint8Array,
  { width, height }: Size,
): Promise<Float32Array> {
  // Not above: without onnxruntime all other commands use another engine.
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(path, sessionOptions('cpu', undefined));
  try {
    const images = pixels.length / (width * height * 3);
    const results = await session.run({ [INPUT]: new Tensor('uint8', pixels, [images, height, width, 3]) });
    return results[OUTPUT].data as Float32Array;
  } finally {
    await session.release();
  }
}
