/** What `permafrost backbones` says of an ONNX model: its pixels, its features, and the tensors it can be cut at. */
import { openModelFile } from '../../engines/onnxruntime/model-file.ts';
import { InputError, UsageError } from '../../errors.ts';
import { DEFAULT_RESIZE, formatResize, type Size } from '../../images/resize.ts';
import { shapeOutput, withShapes } from './cut.ts';
import { readGraph } from './graph.ts';
import { type InputOptions, pixelInputOf, readModelConfig, readProcessor } from './input.ts';
import { inspectModel } from './inspect.ts';
import { imageTensors } from './layers.ts';
import { openModelBackbone } from './open.ts';
import { formatPixels } from './pixels.ts';
import type { Processor } from './processor.ts';
import { batchShape } from './program.ts';
import { modelFilePooling } from './request.ts';

/** A tensor that `--layer` takes. */
export interface ModelLayer {
  readonly name: string;
  /** The operation that computes it. */
  readonly op: string;
  /** Of one image; of tensors that mix images the whole shape. */
  readonly shape: readonly number[];
  /** Whether it has a row for each image. */
  readonly isPerImage: boolean;
}

export interface ModelFacts {
  /** Undefined where the note says why the model has no features by default. */
  readonly size: Size | undefined;
  /** As --preprocess takes it; undefined where nothing beside the model says it. */
  readonly preprocessing: string | undefined;
  readonly resize: string;
  readonly family: string | undefined;
  /** The column that `extract` stores by default, its number of features, and the tensor if it is no output. */
  readonly column: string;
  readonly dimension: number | undefined;
  readonly note: string | undefined;
  /** Where asked for: the last one is `--layer -1`. */
  readonly layers: readonly ModelLayer[] | undefined;
}

/** Where neither model, configuration nor user says how large images are. */
const USUAL_SIZE: Size = { width: 224, height: 224 };

/**
 * Runs a model on a black image, or two.
 * @throws InputError for a damaged model or configuration, UsageError for a size that it does not take
 */
export async function describeModel(
  path: string,
  { size, layers: withLayers }: { size?: Size; layers: boolean },
): Promise<ModelFacts> {
  const processor = readProcessor(path);
  const config = readModelConfig(path);
  const options = { path, size, usualSize: USUAL_SIZE };
  const layers = withLayers ? await modelLayers(options) : undefined;
  return {
    ...(await defaultColumn(options, processor)),
    preprocessing: processor?.scaling && formatPixels(processor.scaling),
    resize: formatResize({ ...DEFAULT_RESIZE, ...processor?.resize }),
    family: config?.family,
    layers,
  };
}

async function defaultColumn(
  options: InputOptions,
  processor: Processor | undefined,
): Promise<Pick<ModelFacts, 'size' | 'column' | 'dimension' | 'note'>> {
  const column = modelFilePooling(options.path);
  const notes: string[] = [];
  try {
    const { description, program } = await openModelBackbone({
      ...options,
      // Which one has no part in what is told here.
      preprocess: processor?.scaling ? undefined : 'none',
      resize: {},
      poolings: [column],
      engine: {},
      info: (message) => notes.push(message),
    });
    await program.release();
    const [{ dimension }] = description.columns;
    return { size: description.size, column, dimension, note: notes[0] };
  } catch (thrown) {
    // Several outputs, or none of features: one must be chosen.
    if (!(thrown instanceof UsageError || thrown instanceof InputError)) throw thrown;
    return { size: undefined, column, dimension: undefined, note: thrown.message };
  }
}

/** All tensors that are computed from the pixels, with their shapes. */
async function modelLayers(options: InputOptions): Promise<ModelLayer[]> {
  const { path } = options;
  const { bytes } = inspectModel(path);
  const graph = readGraph(bytes, path);
  const tensors = imageTensors(graph);
  const session = await openModelFile(path, 'cpu', withShapes(bytes, graph, tensors));
  try {
    const { input, order, size, batch = 2 } = pixelInputOf(session, options, readProcessor(path));
    const black = new Float32Array(batch * size.width * size.height * 3);
    const shapes = await session.runWhole(
      input,
      black,
      batchShape(order, size, batch),
      tensors.map(shapeOutput),
    );
    return tensors.map((name, index) => {
      const [images, ...rest] = shapes[index];
      const isPerImage = images === batch;
      return {
        name,
        op: graph.producers.get(name)!.op,
        shape: isPerImage ? rest : shapes[index],
        isPerImage,
      };
    });
  } finally {
    await session.release();
  }
}
