/** Any ONNX image model as a backbone: what it takes is read from the file, how pixels come to it from its configuration. */
import { basename } from 'node:path';
import { checkedOnce } from '../../engines/checked.ts';
import type { EngineOptions, Program } from '../../engines/interface.ts';
import { createOnnxruntimeEngine } from '../../engines/onnxruntime/index.ts';
import { type ModelFile, openModelFile } from '../../engines/onnxruntime/model-file.ts';
import { InputError } from '../../errors.ts';
import { graph, input } from '../../graph/build.ts';
import { BATCH, type Graph } from '../../graph/value.ts';
import { DEFAULT_RESIZE, type Resize, resolveResize } from '../../images/resize.ts';
import { type PoolingName, parseColumn } from '../pooling.ts';
import type { BackboneDescription } from '../thread/protocol.ts';
import {
  areProbabilities,
  type ModelNodes,
  modelNodes,
  noFeatures,
  predictingOperation,
  withOutputs,
} from './ends.ts';
import {
  channelOrder,
  type InputOptions,
  imageInput,
  imageSize,
  pixelScaling,
  readProcessor,
} from './input.ts';
import { type InspectedModel, inspectModel } from './inspect.ts';
import { chooseOutput, outputKind, pooled } from './outputs.ts';
import { formatPixels } from './pixels.ts';
import { batchShape, chained, type Model, type PixelInput, scalingGraph } from './program.ts';

export interface ModelFileOptions extends InputOptions {
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
    const columns = poolings.map((column): OutputColumn => {
      const { layer, pooling } = parseColumn(column);
      return { column, pooling, output: chosenOutput(path, session.outputs, layer) };
    });
    const outputs = [...new Set(columns.map(({ output }) => output))];
    for (const output of outputs) {
      const operation = predictingOperation(output, nodes);
      if (operation) throw noFeatures(path, output, `ends in ${operation}`, nodes);
    }
    const shapes = await outputShapes(session, pixelInput, outputs, path, nodes);
    const pooling = poolingGraph(columns, shapes, pixelInput, path);
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
      `Expected ${inner[0]} among the outputs of ${path}: of a model with external data, only the outputs can be used`,
    );
  return inner.length > 0 ? inner : undefined;
}

/** A column of features, pooled from an output of the model. */
interface OutputColumn {
  column: string;
  pooling: PoolingName;
  output: string;
}

/** From a model's outputs to the columns. @throws InputError for an output that has no features of each image */
function poolingGraph(
  columns: readonly OutputColumn[],
  shapes: ReadonlyMap<string, readonly number[]>,
  { order, size }: PixelInput,
  path: string,
): Graph {
  const inputs = new Map(
    [...shapes].map(([name, shape]) => [name, input(name, 'float32', [BATCH, ...shape])]),
  );
  const poolings = columns.map(({ column, pooling, output }) => {
    const shape = shapes.get(output)!;
    const kind = outputKind(shape, order, size);
    if (!kind)
      throw new InputError(
        `Expected features, tokens or a map of each image for ${output} of ${path} but it is ${shape.join('x')}`,
      );
    return [column, pooled(output, kind, inputs.get(output)!, pooling)];
  });
  return graph(Object.fromEntries(poolings));
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

async function onCpu(model: Model, path: string): Promise<Program> {
  const engine = await createOnnxruntimeEngine();
  return chained({ ...model, session: await openModelFile(path, 'cpu', model.bytes) }, engine);
}
