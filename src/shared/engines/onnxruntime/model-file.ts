/** A model file that somebody else made, run as it is. */
import { dirname, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { InputError, messageOf } from '../../errors.ts';
import type { Device } from '../interface.ts';
import { sessionOptions } from './options.ts';

export interface ModelInput {
  readonly name: string;
  /** ONNX's name of the element type: `float32`. */
  readonly type: string;
  /** Sizes; of open axes their names. */
  readonly shape: readonly (number | string)[];
}

/** What a model computes of one batch. */
export interface ModelOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface ModelFile {
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly string[];
  /**
   * Feeds one float32 input and computes the requested outputs.
   * @throws InputError with onnxruntime's reason, or for an output that is not float32
   */
  run(input: string, data: Float32Array, shape: number[], outputs: readonly string[]): Promise<ModelOutput[]>;
  /** Feeds one float32 input and reads outputs of whole numbers, as Shape gives them. @throws as {@link ModelFile.run} */
  runWhole(
    input: string,
    data: Float32Array,
    shape: number[],
    outputs: readonly string[],
  ): Promise<number[][]>;
  release(): Promise<void>;
}

type InferSession = (
  input: string,
  data: Float32Array,
  shape: number[],
  outputs: readonly string[],
) => Promise<InferenceSession.OnnxValueMapType>;

/**
 * @param bytes the model's, if not those of the file at `path`, beside which its weights may lie
 * @throws InputError naming the file where onnxruntime cannot make a session of it
 */
export async function openModelFile(
  path: string,
  device: Device = 'cpu',
  bytes?: Uint8Array,
): Promise<ModelFile> {
  let session: InferenceSession;
  try {
    const options = sessionOptions(device, undefined);
    session = await (bytes
      ? InferenceSession.create(bytes, withDataFolder(options, dirname(path)))
      : InferenceSession.create(path, options));
  } catch (thrown) {
    throw new InputError(
      `Expected an ONNX model that onnxruntime runs in ${path} but it cannot: ${short(thrown)}`,
    );
  }
  const compute: InferSession = async (input, data, shape, outputs) => {
    try {
      return await session.run({ [input]: new Tensor('float32', data, shape) }, [...outputs]);
    } catch (thrown) {
      throw new InputError(
        `Expected ${path} to run on ${shape.join('x')} numbers but it fails: ${short(thrown)}`,
      );
    }
  };
  return {
    inputs: session.inputMetadata.map((entry) => ({
      name: entry.name,
      type: entry.isTensor ? entry.type : 'no tensor',
      shape: entry.isTensor ? entry.shape : [],
    })),
    outputs: session.outputNames,
    async run(input, data, shape, outputs) {
      const results = await compute(input, data, shape, outputs);
      return outputs.map((name) => {
        const { data: values, dims, type } = results[name];
        if (values instanceof Float32Array) return { name, shape: dims, data: values };
        throw new InputError(`Expected float32 numbers for ${name} of ${path} but it gives ${type}`);
      });
    },
    async runWhole(input, data, shape, outputs) {
      const results = await compute(input, data, shape, outputs);
      return outputs.map((name) => Array.from(results[name].data as BigInt64Array, Number));
    },
    release: () => session.release(),
  };
}

/** For a model in memory whose weights lie in files of a folder. */
function withDataFolder(
  options: InferenceSession.SessionOptions,
  folder: string,
): InferenceSession.SessionOptions {
  const { session, ...extra } = options.extra as Record<string, object>;
  const external = { model_external_initializers_file_folder_path: resolve(folder) };
  return { ...options, extra: { ...extra, session: { ...session, ...external } } };
}

/** The first line of onnxruntime's message, at most 300 characters. */
function short(thrown: unknown): string {
  return messageOf(thrown).split('\n', 1)[0].slice(0, 300);
}
