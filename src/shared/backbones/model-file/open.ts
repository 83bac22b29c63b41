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
import { cutModel } from './cut.ts';
import { areProbabilities, noFeatures } from './ends.ts';
import { readGraph } from './graph.ts';
import { type InputOptions, pixelInputOf, pixelScaling, readModelConfig, readProcessor } from './input.ts';
import { inspectModel } from './inspect.ts';
import { chosenTensor, classScores, type ModelTensors } from './layers.ts';
import { outputKind, pooled } from './outputs.ts';
import { formatPixels } from './pixels.ts';
import { batchShape, chained, type Model, type PixelInput, scalingGraph } from './program.ts';

export interface ModelFileOptions extends InputOptions {
  resize: Partial<Resize>;
  /** `avg`, `cls` ... of the output that suits it, `<layer>/avg` of another tensor. */
  poolings: readonly string[];
  engine: EngineOptions;
  /** Told which tensor was chosen where the columns do not name it. */
  info?(message: string): void;
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
  const { path, poolings, info = () => {} } = options;
  const { bytes, hash } = inspectModel(path);
  const model: ModelTensors = { graph: readGraph(bytes, path), path, config: readModelConfig(path) };
  const processor = readProcessor(path);
  const columns = chosenColumns(model, poolings, info);
  const outputs = [...new Set(columns.map(({ output }) => output))];
  const cut = cutModel(bytes, model.graph, outputs);
  const engine = await createOnnxruntimeEngine(options.engine);
  const session = await openModelFile(path, engine.device, cut);
  try {
    const pixelInput = pixelInputOf(session, options, processor);
    const scaling = pixelScaling(options, processor);
    const shapes = await outputShapes(session, pixelInput, outputs, model);
    const pooling = poolingGraph(columns, shapes, pixelInput, model);
    const parts: Model = {
      bytes: cut,
      session,
      pixelInput,
      outputs,
      scaling: scalingGraph(pixelInput, scaling),
      pooling,
    };
    const program = await chained(parts, engine);
    return {
      description: {
        name: basename(path),
        size: pixelInput.size,
        weights: path,
        weightsHash: hash,
        preprocessing: formatPixels(scaling),
        resize: resolveResize(options.resize, { ...DEFAULT_RESIZE, ...processor?.resize }),
        columns: [...pooling.outputs].map(([name, { shape }]) => ({ name, dimension: shape[1] })),
        engine: { name: engine.name, version: engine.version },
      },
      program:
        engine.device === 'cpu'
          ? program
          : checkedOnce(program, async () => onCpu(parts, path), engine.device),
    };
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
}

/** The tensor of each column; says once how each was found. */
function chosenColumns(
  model: ModelTensors,
  poolings: readonly string[],
  info: (message: string) => void,
): OutputColumn[] {
  const said = new Set<string>();
  const columns = poolings.map((column) => {
    const { layer, pooling } = parseColumn(column);
    const { tensor, said: how } = chosenTensor(model, { layer, pooling });
    if (how !== undefined) said.add(how);
    return { column, pooling, output: tensor };
  });
  said.forEach(info);
  return columns;
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
  { path, config }: ModelTensors,
): Graph {
  const inputs = new Map(
    [...shapes].map(([name, shape]) => [name, input(name, 'float32', [BATCH, ...shape])]),
  );
  const poolings = columns.map(({ column, pooling, output }) => {
    const shape = shapes.get(output)!;
    const kind = outputKind(shape, { order, size, config });
    if (!kind)
      throw new InputError(
        `Expected features, tokens or a map of each image for ${output} of ${path} but it is ${shape.join('x')}`,
      );
    return [column, pooled(output, kind, inputs.get(output)!, pooling)];
  });
  return graph(Object.fromEntries(poolings));
}

/** The shapes of a model's outputs without the batch, found out with black images. */
async function outputShapes(
  session: ModelFile,
  { input, order, size, batch = 2 }: PixelInput,
  outputs: readonly string[],
  model: ModelTensors,
): Promise<Map<string, readonly number[]>> {
  const { path, graph } = model;
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
        throw noFeatures(path, name, 'gives numbers from 0 to 1 that sum to 1, probabilities', graph);
      const refused = rest.length === 1 ? classScores(model, name, rest[0]) : undefined;
      if (refused) throw refused;
      return [name, rest];
    }),
  );
}

async function onCpu(model: Model, path: string): Promise<Program> {
  const engine = await createOnnxruntimeEngine();
  return chained({ ...model, session: await openModelFile(path, 'cpu', model.bytes) }, engine);
}
