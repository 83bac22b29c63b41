/** What an ONNX image model takes: its input, the order of its axes, the size of its images and the scale of its pixels. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeText } from '../../encoding.ts';
import type { ModelFile, ModelInput } from '../../engines/onnxruntime/model-file.ts';
import { InputError, messageOf, usage } from '../../errors.ts';
import type { Size } from '../../images/resize.ts';
import { type ModelConfig, parseModelConfig } from './config.ts';
import type { ChannelOrder } from './outputs.ts';
import { type PixelScaling, parsePixels, unknownPixels } from './pixels.ts';
import { hasPixels, type Processor, parseProcessor } from './processor.ts';
import type { PixelInput } from './program.ts';

/** What a user says of the input; the rest is read from the model and its configuration. */
export interface InputOptions {
  path: string;
  /** Default: the model's own. */
  size?: Size;
  /** Where nobody says it; default: it must be said. */
  usualSize?: Size;
  /** As --preprocess takes it; default: the configuration's. */
  preprocess?: string;
}

/** What the configuration beside a model says of its pixels; timm's repositories have it in config.json. */
export function readProcessor(path: string): Processor | undefined {
  return (
    readBeside(path, 'preprocessor_config.json', parseProcessor) ??
    readBeside(path, 'config.json', (json, file) =>
      hasPixels(json) ? parseProcessor(json, file) : undefined,
    )
  );
}

/** The family of the model, by the configuration beside it. */
export function readModelConfig(path: string): ModelConfig | undefined {
  return readBeside(path, 'config.json', parseModelConfig);
}

/** A file of a model, as Hugging Face's repositories and exports have it: in its folder, or one folder up. */
function readBeside<V>(path: string, name: string, parse: (json: string, file: string) => V): V | undefined {
  for (const folder of [dirname(path), join(dirname(path), '..')]) {
    const file = join(folder, name);
    try {
      return parse(decodeText(readFileSync(file), file), file);
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

/** The only input, of images. @throws InputError for a model that takes anything else */
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

/** The size in the model, or as requested, or of the configuration. @throws UsageError where they differ or none says it */
function imageSize(
  shape: ModelInput['shape'],
  order: ChannelOrder,
  { path, size: requested, usualSize }: InputOptions,
  processor: Processor | undefined,
): Size {
  const [height, width] = order === 'nchw' ? shape.slice(2) : shape.slice(1);
  const own = (fixed: number | string): number | undefined =>
    typeof fixed === 'number' && fixed > 0 ? fixed : undefined;
  const size = {
    width: own(width) ?? requested?.width ?? processor?.size?.width ?? usualSize?.width,
    height: own(height) ?? requested?.height ?? processor?.size?.height ?? usualSize?.height,
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

/** How images are fed to a model. @throws as the functions above do */
export function pixelInputOf(
  session: ModelFile,
  options: InputOptions,
  processor: Processor | undefined,
): PixelInput {
  const { name, shape } = imageInput(session, options.path);
  const order = channelOrder(shape, options.path);
  const size = imageSize(shape, order, options, processor);
  const batch = typeof shape[0] === 'number' && shape[0] > 0 ? shape[0] : undefined;
  return { input: name, order, size, batch };
}

/** As requested, or of the configuration. @throws UsageError where neither says it */
export function pixelScaling(
  { path, preprocess }: InputOptions,
  processor: Processor | undefined,
): PixelScaling {
  if (preprocess !== undefined) return parsePixels(preprocess);
  if (!processor?.scaling) throw unknownPixels(path);
  return processor.scaling;
}
