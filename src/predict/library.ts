/** A trained head for use in a program: loaded once, used as often as images come. */
import pLimit from 'p-limit';
import { InputError, messageOf, usage } from '../shared/errors.ts';
import { namingFields, reportingFields } from '../shared/field-names.ts';
import { type Head, readHead } from '../shared/head/record.ts';
import { decodeSizes } from '../shared/images/input-sizes.ts';
import { readNamedFile } from '../shared/images/names.ts';
import {
  type Checks,
  CONTEXT_CHECKS,
  checkOptions,
  fields,
  OPTIONS,
  withDefaults,
} from '../shared/options.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { listOf } from '../shared/values.ts';
import { type LoadedHead, loadHead, type Prediction } from './loaded-head.ts';
import { PREDICTOR_OPTIONS } from './options.ts';

export interface PredictorOptions {
  /** The folder `best` of a run, or a head that was read already. */
  head: string | Head;
  /** Weights instead of those recorded: one for each backbone of the head, in order. Default: as extracted with. */
  weights?: readonly string[];
  /** `auto` (default), `onnxruntime` or `tensorflow`. */
  engine?: string;
  /** Images in one run of a backbone; default: 16. */
  batchSize?: number;
  /** Images read and decoded at a time; default: twice the number of cores. */
  concurrency?: number;
  /** Ends loading. */
  signal?: AbortSignal;
  /** Told of downloads and of what the user should know; default: nobody. */
  reporter?: Reporter;
}

export interface PredictionOptions extends PredictorOptions {
  /** Paths, or the bytes of image files. */
  images: readonly (string | Uint8Array)[];
}

const IMAGES = listOf(
  (image, where) => {
    if (!(image instanceof Uint8Array) && (typeof image !== 'string' || image === ''))
      throw usage('a path or the bytes of an image file', where, image);
  },
  { min: 1 },
);

const PREDICT_CHECKS: Checks = { signal: CONTEXT_CHECKS.signal };

/** A head and its backbones in memory. */
export interface Predictor {
  /** The meaning of each probability, in order. */
  readonly classes: readonly string[];
  /**
   * Predictions in the order of the images: paths, or the bytes of image files.
   * @throws InputError naming an image that cannot be read (bytes by their place, from 0) and why, the abort reason of `signal`
   */
  predict(
    images: readonly (string | Uint8Array)[],
    options?: { signal?: AbortSignal },
  ): Promise<Prediction[]>;
  /** Frees the backbones, after the predictions that are being computed. */
  close(): Promise<void>;
}

/**
 * Loads a head and its backbones.
 * @throws UsageError for options that cannot be, naming the field; InputError for a head that cannot be read, or backbones that are not as it records them; the abort
 *   reason of `signal`
 */
export async function openPredictor(options: PredictorOptions): Promise<Predictor> {
  checkOptions(PREDICTOR_OPTIONS, options, { more: CONTEXT_CHECKS });
  const {
    head: given,
    weights = [],
    engine,
    batchSize,
    concurrency,
    signal,
    reporter = silent,
  } = withDefaults(PREDICTOR_OPTIONS, options);
  signal?.throwIfAborted();
  const head = typeof given === 'string' ? await readHead(given) : given;
  const loadedHead = await namingFields({}, () =>
    loadHead(head, { weights, engine, signal, reporter: reportingFields({}, reporter) }),
  );
  const predictAll = imagePredictor(loadedHead, { batchSize, concurrency, reporter });
  const underway = new Set<Promise<unknown>>();
  return {
    classes: head.record.classes,
    async predict(images, context = {}) {
      IMAGES(images, 'images');
      fields(PREDICT_CHECKS)(context, OPTIONS);
      const predictions = predictAll(images, context.signal);
      underway.add(predictions);
      try {
        return await predictions;
      } finally {
        underway.delete(predictions);
      }
    },
    async close() {
      await Promise.allSettled(underway);
      await loadedHead.release();
    },
  };
}

/** Returns a function that predicts images; its calls share the limit of images decoded at a time. */
function imagePredictor(
  loadedHead: LoadedHead,
  { batchSize, concurrency, reporter }: { batchSize: number; concurrency: number; reporter: Reporter },
): (images: readonly (string | Uint8Array)[], signal: AbortSignal | undefined) => Promise<Prediction[]> {
  const inputSizes = loadedHead.threads.map(({ description }) => description);
  const limit = pLimit(concurrency);
  const decode = async (image: string | Uint8Array, index: number): Promise<Uint8Array[]> => {
    const name = typeof image === 'string' ? image : `image ${index}`;
    try {
      return await decodeSizes(
        typeof image === 'string' ? await readNamedFile(image) : Buffer.from(image),
        inputSizes,
        (text) => reporter.warn(`${name}: ${text}`),
      );
    } catch (thrown) {
      throw new InputError(`${name}: ${messageOf(thrown)}`);
    }
  };
  return async (images, signal) => {
    const predictions: Prediction[] = [];
    for (let start = 0; start < images.length; start += batchSize) {
      signal?.throwIfAborted();
      const batch = images.slice(start, start + batchSize);
      const pixels = await Promise.all(batch.map((one, index) => limit(decode, one, start + index)));
      predictions.push(...(await loadedHead.predict(pixels)));
    }
    return predictions;
  };
}

/**
 * Loads a head, predicts some images and frees it again; {@link openPredictor} keeps it for the next ones.
 * @param images paths, or the bytes of image files
 * @throws as opening and calling a {@link Predictor} do
 */
export async function predict({ images, ...options }: PredictionOptions): Promise<Prediction[]> {
  IMAGES(images, 'images');
  const predictor = await openPredictor(options);
  try {
    return await predictor.predict(images, options.signal && { signal: options.signal });
  } finally {
    await predictor.close();
  }
}
