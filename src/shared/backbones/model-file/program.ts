/** An ONNX image model as a program: scaling, model and pooling one after the other. */
import type { Engine, Program } from '../../engines/interface.ts';
import type { ModelFile } from '../../engines/onnxruntime/model-file.ts';
import { graph, input, transpose } from '../../graph/build.ts';
import { BATCH, type Graph } from '../../graph/value.ts';
import type { Size } from '../../images/resize.ts';
import { standardize } from '../preprocessing.ts';
import type { ChannelOrder } from './outputs.ts';
import type { PixelScaling } from './pixels.ts';

/** How images are fed. */
export interface PixelInput {
  input: string;
  order: ChannelOrder;
  size: Size;
  /** Images in each run, where the model has that fixed. */
  batch: number | undefined;
}

/** A model's session with the graphs before and after it. */
export interface Model {
  /** The model's bytes, where they are not those of its file. */
  bytes: Buffer | undefined;
  session: ModelFile;
  pixelInput: PixelInput;
  outputs: readonly string[];
  scaling: Graph;
  pooling: Graph;
}

/** The shape of a batch of images as the model takes it. */
export function batchShape(order: ChannelOrder, { width, height }: Size, batch: number): number[] {
  return order === 'nchw' ? [batch, 3, height, width] : [batch, height, width, 3];
}

/** From `pixels` to `image`, as the model takes it. */
export function scalingGraph(
  { order, size: { width, height } }: PixelInput,
  { mean, deviation }: PixelScaling,
): Graph {
  const image = standardize(input('pixels', 'uint8', [BATCH, height, width, 3]), mean, deviation);
  return graph({ image: order === 'nchw' ? transpose(image, [0, 3, 1, 2]) : image });
}

/** Scaling, model and pooling one after the other, in as many runs as the model's batch size asks for. */
export async function chained(
  { session, pixelInput, outputs, ...graphs }: Model,
  engine: Engine,
): Promise<Program> {
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
        const chunk = pixels.subarray(start * imageBytes, (start + step) * imageBytes);
        // A model with a fixed batch is fed black images behind the last one.
        const full = chunk.length < step * imageBytes ? new Uint8Array(step * imageBytes) : chunk;
        if (full !== chunk) full.set(chunk);
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
