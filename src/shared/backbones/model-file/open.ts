/** Any ONNX image model as a backbone: what it takes is read from the file, how pixels come to it from its configuration. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeText } from '../../encoding.ts';
import { checkedOnce } from '../../engines/checked.ts';
import type { Engine, EngineOptions, Program } from '../../engines/interface.ts';
import { createOnnxruntimeEngine } from '../../engines/onnxruntime/index.ts';
import { type ModelFile, type ModelInput, openModelFile } from '../../engines/onnxruntime/model-file.ts';
import { InputError, messageOf, usage } from '../../errors.ts';
import { graph, input, transpose } from '../../graph/build.ts';
import { BATCH, type Graph } from '../../graph/value.ts';
import { DEFAULT_RESIZE, type Resize, resolveResize, type Size } from '../../images/resize.ts';
import { parseColumn } from '../pooling.ts';
import { standardize } from '../preprocessing.ts';
import type { BackboneDescription } from '../thread/protocol.ts';
import {
  areProbabilities,
  type ModelNodes,
  modelNodes,
  noFeatures,
  predictingOperation,
  withOutputs,
} from './ends.ts';
import { type InspectedModel, inspectModel } from './inspect.ts';
import { type ChannelOrder, chooseOutput, outputKind, pooled } from './outputs.ts';
import { formatPixels, type PixelScaling, parsePixels, unknownPixels } from './pixels.ts';
import { type Processor, parseProcessor } from './processor.ts';

export interface ModelFileOptions {
  path: string;
  /** Default: the model's own. */
  size?: Size;
  /** As --preprocess takes it; default: the configuration's. */
  preprocess?: string;
  resize: Partial<Resize>;
  /** `avg`, `cls` ... of the only output, `<output>/avg` of one among several. */
  poolings: readonly string[];
  engine: EngineOptions;
}

export interface OpenedModel {
  description: BackboneDescription;
  /** Takes `pixels` as a network's graph does, and gives the description's columns. */
  program: Program;
}

/**
 * Opens a model and runs it once on a black image, which tells the shapes of its outputs.
 * @throws InputError for a damaged model or configuration, UsageError where something must be said by a flag
 */
export async function openModelBackbone(options: ModelFileOptions): Promise<OpenedModel> {
  const { path, poolings } = options;
  const inspected = inspectModel(path);
  const nodes = modelNodes(inspected.bytes, path);
  const processor = readProcessor(path);
  const engine = await createOnnxruntimeEngine(options.engine);
  const inner = innerTensors(poolings, nodes, inspected, path);
  const session = await openModelFile(path, engine.device, inner && withOutputs(inspected.bytes, inner));
  try {
    const { name, shape } = imageInput(session, path);
    const order = channelOrder(shape, path);
    const size = imageSize(shape, order, options, processor);
    const scaling = pixelScaling(options, processor);
    const batch = typeof shape[0] === 'number' && shape[0] > 0 ? shape[0] : undefined;
    const pixelInput: PixelInput = { input: name, order, size, batch };
    const columns = poolings.map((column) => {
      const { layer, pooling } = parseColumn(column);
      return { column, pooling, output: chosenOutput(path, session.outputs, layer) };
    });
    const outputs = [...new Set(columns.map(({ output }) => output))];
    for (const output of outputs) {
      const operation = predictingOperation(output, nodes);
      if (operation) throw noFeatures(path, output, `ends in ${operation}`, nodes);
    }
    const shapes = await outputShapes(session, pixelInput, outputs, path, nodes);
    const inputs = new Map(
      [...shapes].map(([name, shape]) => [name, input(name, 'float32', [BATCH, ...shape])]),
    );
    const pooling = graph(
      Object.fromEntries(
        columns.map(({ column, pooling, output }) => {
          const shape = shapes.get(output)!;
          const kind = outputKind(shape, order, size);
          if (!kind)
            throw new InputError(
              `Expected features, tokens or a map of each image for ${output} of ${path} but it is ${shape.join('x')}`,
            );
          return [column, pooled(output, kind, inputs.get(output)!, pooling)];
        }),
      ),
    );
    const model: Model = {
      bytes: inner && withOutputs(inspected.bytes, inner),
      session,
      pixelInput,
      outputs,
      scaling: scalingGraph(pixelInput, scaling),
      pooling,
    };
    const program = await chained(model, engine);
    return {
      description: {
        name: basename(path),
        size,
        weights: path,
        weightsHash: inspected.hash,
        preprocessing: formatPixels(scaling),
        resize: resolveResize(options.resize, { ...DEFAULT_RESIZE, ...processor?.resize }),
        columns: [...pooling.outputs].map(([name, { shape }]) => ({ name, dimension: shape[1] })),
        engine: { name: engine.name, version: engine.version },
      },
      program:
        engine.device === 'cpu'
          ? program
          : checkedOnce(program, async () => onCpu(model, path), engine.device),
    };
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
}

/** How images are fed. */
interface PixelInput {
  input: string;
  order: ChannelOrder;
  size: Size;
  /** Images in each run, where the model has that fixed. */
  batch: number | undefined;
}

interface Model {
  /** The model's bytes, where they are not those of its file. */
  bytes: Buffer | undefined;
  session: ModelFile;
  pixelInput: PixelInput;
  outputs: readonly string[];
  scaling: Graph;
  pooling: Graph;
}

/** The configuration beside a model, as Hugging Face's repositories and exports have it: there, or one folder up. */
function readProcessor(path: string): Processor | undefined {
  for (const folder of [dirname(path), join(dirname(path), '..')]) {
    const file = join(folder, 'preprocessor_config.json');
    try {
      return parseProcessor(decodeText(readFileSync(file), file), file);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) {
        throw thrown instanceof InputError
          ? thrown
          : new InputError(`${file} cannot be read: ${messageOf(thrown)}`);
      }
    }
  }
  return undefined;
}

function imageInput({ inputs }: ModelFile, path: string): ModelInput {
  const [first, ...others] = inputs;
  if (first?.type === 'float32' && first.shape.length === 4 && others.length === 0) return first;
  const found = inputs.map(({ name, type, shape }) => `${name} ${type} [${shape.join(', ')}]`).join('; ');
  throw new InputError(
    `Expected one float32 image input [batch, 3, height, width] or [batch, height, width, 3] for ${path} ` +
      `but it has ${found || 'none'}: export the image tower alone, in float32`,
  );
}

/** By the axis of three colours, else by what an open axis is called; PyTorch's order where nothing tells. */
function channelOrder([, second, , last]: ModelInput['shape'], path: string): ChannelOrder {
  if (second === 3) return 'nchw';
  if (last === 3) return 'nhwc';
  if (typeof second === 'number' && typeof last === 'number' && second > 0 && last > 0)
    throw new InputError(`Expected three colours for ${path} but it takes ${second} or ${last} channels`);
  return typeof last === 'string' && /chan/i.test(last) ? 'nhwc' : 'nchw';
}

function imageSize(
  shape: ModelInput['shape'],
  order: ChannelOrder,
  { path, size: requested }: ModelFileOptions,
  processor: Processor | undefined,
): Size {
  const [height, width] = order === 'nchw' ? shape.slice(2) : shape.slice(1);
  const own = (fixed: number | string): number | undefined =>
    typeof fixed === 'number' && fixed > 0 ? fixed : undefined;
  const size = {
    width: own(width) ?? requested?.width ?? processor?.size?.width,
    height: own(height) ?? requested?.height ?? processor?.size?.height,
  };
  if (size.width === undefined || size.height === undefined)
    throw usage(`WIDTHxHEIGHT (${path} takes images of any size)`, '--size', undefined);
  const found = { width: size.width, height: size.height };
  if (requested && (requested.width !== found.width || requested.height !== found.height)) {
    throw usage(
      `${found.width}x${found.height}, which is fixed in ${path},`,
      '--size',
      `${requested.width}x${requested.height}`,
    );
  }
  return found;
}

function pixelScaling(
  { path, preprocess }: ModelFileOptions,
  processor: Processor | undefined,
): PixelScaling {
  if (preprocess !== undefined) return parsePixels(preprocess);
  if (!processor?.scaling) throw unknownPixels(path);
  return processor.scaling;
}

/**
 * The tensors inside the model that columns name; undefined where all are outputs.
 * @throws InputError where the model cannot be had with further outputs
 */
function innerTensors(
  poolings: readonly string[],
  nodes: ModelNodes,
  { isDivided }: InspectedModel,
  path: string,
): string[] | undefined {
  const named = new Set(poolings.flatMap((column) => parseColumn(column).layer ?? []));
  const inner = [...named].filter((name) => nodes.producers.has(name) && !nodes.outputs.has(name));
  if (inner.length > 0 && isDivided)
    throw new InputError(
      `Expected ${inner[0]} among the outputs of ${path}: of a model whose numbers lie in other files nothing else can be taken`,
    );
  return inner.length > 0 ? inner : undefined;
}

/** The output of that name; without one, the only output there is. */
function chosenOutput(path: string, outputs: readonly string[], requested: string | undefined): string {
  if (requested === undefined && outputs.length === 1) return outputs[0];
  if (requested !== undefined && outputs.includes(requested)) return requested;
  throw chooseOutput(path, outputs, requested);
}

/** The shapes of a model's outputs without the batch, found out with black images. */
async function outputShapes(
  session: ModelFile,
  { input, order, size, batch = 2 }: PixelInput,
  outputs: readonly string[],
  path: string,
  nodes: ModelNodes,
): Promise<Map<string, readonly number[]>> {
  const shape = batchShape(order, size, batch);
  const black = new Float32Array(batch * size.width * size.height * 3);
  const results = await session.run(input, black, shape, outputs);
  return new Map(
    results.map(({ name, shape: [images, ...rest], data }) => {
      if (images !== batch || data.length === 0) {
        throw new InputError(
          `Expected ${name} of ${path} to have a row for each of ${batch} images but its shape is ${[images, ...rest].join('x')}`,
        );
      }
      if (rest.length === 1 && areProbabilities(data, rest[0]))
        throw noFeatures(path, name, 'gives numbers from 0 to 1 that sum to 1, probabilities', nodes);
      return [name, rest];
    }),
  );
}

function batchShape(order: ChannelOrder, { width, height }: Size, batch: number): number[] {
  return order === 'nchw' ? [batch, 3, height, width] : [batch, height, width, 3];
}

/** From `pixels` to `image`, as the model takes it. */
function scalingGraph(
  { order, size: { width, height } }: PixelInput,
  { mean, deviation }: PixelScaling,
): Graph {
  const image = standardize(input('pixels', 'uint8', [BATCH, height, width, 3]), mean, deviation);
  return graph({ image: order === 'nchw' ? transpose(image, [0, 3, 1, 2]) : image });
}

async function onCpu(model: Model, path: string): Promise<Program> {
  const engine = await createOnnxruntimeEngine();
  return chained({ ...model, session: await openModelFile(path, 'cpu', model.bytes) }, engine);
}

/** Scaling, model and pooling one after the other, in as many runs as the model's batch size asks for. */
async function chained({ session, pixelInput, outputs, ...graphs }: Model, engine: Engine): Promise<Program> {
  const scaling = await engine.compile(graphs.scaling);
  const pooling = await engine.compile(graphs.pooling);
  const { input, order, size, batch } = pixelInput;
  const imageBytes = size.width * size.height * 3;
  return {
    async run({ pixels }, into = {}) {
      const images = pixels.length / imageBytes;
      const step = batch ?? images;
      const results: Record<string, Float32Array> = {};
      for (const [name, { shape }] of graphs.pooling.outputs)
        results[name] = into[name] ?? new Float32Array(images * shape[1]);
      for (let start = 0; start < images; start += step) {
        const part = pixels.subarray(start * imageBytes, (start + step) * imageBytes);
        // A model with a fixed batch is fed black images behind the last one.
        const full = part.length < step * imageBytes ? new Uint8Array(step * imageBytes) : part;
        if (full !== part) full.set(part);
        const { image } = await scaling.run({ pixels: full });
        const computed = await session.run(input, image, batchShape(order, size, step), outputs);
        const features = await pooling.run(
          Object.fromEntries(computed.map(({ name, data }) => [name, data])),
        );
        for (const [name, values] of Object.entries(features)) {
          const dimension = values.length / step;
          const rows = Math.min(step, images - start);
          results[name].set(values.subarray(0, rows * dimension), start * dimension);
        }
      }
      return results;
    },
    async release() {
      await Promise.all([scaling.release(), pooling.release(), session.release()]);
    },
  };
}
