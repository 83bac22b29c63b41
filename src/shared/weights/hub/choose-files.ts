/** Which files of a repository are needed to run its model: an ONNX file with its weights, and its configuration. */
import { InputError } from '../../errors.ts';

/** How the numbers of a model are stored, and what exporters append to the names of its files. */
export const PRECISION_SUFFIXES = {
  fp32: '',
  fp16: '_fp16',
  int8: '_int8',
  quantized: '_quantized',
} as const;
export type ModelPrecision = keyof typeof PRECISION_SUFFIXES;
export const MODEL_PRECISIONS = Object.keys(PRECISION_SUFFIXES) as readonly ModelPrecision[];

/** Where repositories have their models, the image tower of a model of two towers first. */
const MODELS = ['onnx/vision_model', 'onnx/model', 'vision_model', 'model'];

/** What is read of a model beside its weights. */
export const CONFIGURATIONS = ['config.json', 'preprocessor_config.json'];

/**
 * The ONNX file of a precision.
 * @param source for messages
 * @throws InputError where there is none, with what can be done
 */
export function chooseModel(files: readonly string[], precision: ModelPrecision, source: string): string {
  const has = new Set(files);
  const named = (suffix: string) =>
    MODELS.map((model) => `${model}${suffix}.onnx`).find((file) => has.has(file));
  const found = named(PRECISION_SUFFIXES[precision]);
  if (found !== undefined) return found;
  const others = MODEL_PRECISIONS.filter((other) => named(PRECISION_SUFFIXES[other]) !== undefined);
  if (others.length > 0)
    throw new InputError(
      `Expected a model of ${source} in ${precision} but it has ${others.join(', ')}: pass --precision ${others[0]}`,
    );
  throw new InputError(
    `Expected onnx/model.onnx in ${source} but it has no such file: look for an ONNX version of the model (onnx-community has many), or export one with optimum-cli export onnx`,
  );
}

/** The files with the weights of an ONNX file, as exporters name them. */
export function dataFiles(files: readonly string[], model: string): string[] {
  return files.filter((file) => file.startsWith(`${model}_data`) || file.startsWith(`${model}.data`));
}
