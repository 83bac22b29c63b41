/** Predictions of a trained head for image files: from pixels to probabilities, a batch at a time. Start reading here. */
import { contentHash, createViews } from '../shared/augment/view.ts';
import { createBatches } from '../shared/backbones/thread/batches.ts';
import { InputError, shownPath, UsageError } from '../shared/errors.ts';
import type { Head } from '../shared/head/record.ts';
import { imagesAhead } from '../shared/images/ahead.ts';
import { decodeSizes } from '../shared/images/input-sizes.ts';
import { readNamedFile } from '../shared/images/names.ts';
import { createNotes, type Notes } from '../shared/images/notes.ts';
import { readImages } from '../shared/images/read.ts';
import { counted, plural } from '../shared/plural.ts';
import { type Progress, type Reporter, silent } from '../shared/reporter.ts';
import { createAverager } from './average.ts';
import type { ImageFile } from './images.ts';
import { type LoadedHead, loadHead, type Prediction, predictionsOf } from './loaded-head.ts';

export interface PredictOptions {
  head: Head;
  images: readonly ImageFile[];
  /** Weights instead of those recorded: one for each backbone of the head, in order, or none at all. */
  weights: readonly string[];
  engine: string;
  /** Images in one run of a backbone. */
  batchSize: number;
  /** Images read and decoded at a time. */
  concurrency: number;
  /** Whether predictions are averaged over each image and the views that the head was trained on. */
  tta?: boolean;
}

/** What the head predicts for one file. */
export interface FilePrediction extends Prediction {
  path: string;
}

/** What is running while predictions are made. */
interface Running {
  loadedHead: LoadedHead;
  progress: Progress;
  signal: AbortSignal | undefined;
  failures: { file: string; reason: string }[];
  notes: Notes;
}

/**
 * Yields predictions in the order of the images, a batch at a time; memory does not grow with their number. Images
 * that cannot be read are left out and warned of at the end. When `signal` aborts, what is under way is still yielded.
 * @throws InputError when no image can be read, or a backbone is not as the head's record says
 */
export async function* predict(
  options: PredictOptions,
  { signal, reporter = silent }: { signal?: AbortSignal; reporter?: Reporter } = {},
): AsyncGenerator<FilePrediction[]> {
  const { head, images, weights, engine, tta } = options;
  if (tta && !head.record.augment)
    throw new UsageError(
      '--tta needs a head that was trained on views (extract --augment, fine-tune --views); this one was not',
    );
  const loadedHead = await loadHead(head, { weights, engine, signal, reporter });
  const failures: Running['failures'] = [];
  const notes = createNotes();
  const progress = reporter.progress('predict', 'images', images.length);
  try {
    yield* predictions(options, { loadedHead, progress, signal, failures, notes });
  } finally {
    progress.stop();
    await loadedHead.release();
  }
  if (failures.length === images.length) {
    const [{ file, reason }] = failures;
    throw new InputError(
      images.length === 1
        ? `Cannot read ${file}: ${reason}`
        : `None of the ${images.length} images can be read; ${file}: ${reason}`,
    );
  }
  for (const sentence of notes.sentences(images.length)) reporter.warn(sentence);
  for (const { file, reason } of failures) reporter.warn(`${file}: ${reason}`);
  if (failures.length > 0)
    reporter.warn(
      `${failures.length} of ${counted(images.length, 'image')} could not be read and ${plural(failures.length, 'is', 'are')} left out`,
    );
}

/** An image or one of its views on its way through the backbones. */
interface ViewOf extends ImageFile {
  view: number;
}

async function* predictions(
  { head: { record }, images, batchSize, concurrency, tta }: PredictOptions,
  { loadedHead, progress, signal, failures, notes }: Running,
): AsyncGenerator<FilePrediction[]> {
  let ready: FilePrediction[] = [];
  const views = createViews(tta ? record.augment : undefined);
  const last = views.numbers.length - 1;
  let isCompiled = false;
  const average = createAverager(views.numbers.length, record.classes.length);
  const batches = createBatches<ViewOf>(loadedHead.threads, {
    batchSize,
    async receive(records, features) {
      isCompiled = true;
      const probabilities = await loadedHead.probabilities(features, records.length);
      const whole = records.filter(({ view }) => view === last);
      const mean = predictionsOf(record, whole.length, average(probabilities));
      ready.push(...mean.map((prediction, index) => ({ path: whole[index].file, ...prediction })));
      progress.advance(whole.length);
    },
  });
  const taken = (): FilePrediction[] => {
    const batch = ready;
    ready = [];
    return batch;
  };

  const inputSizes = loadedHead.threads.map(({ description }) => description);
  const read = ({ file }: ImageFile) => readNamedFile(file);
  const decode = async (bytes: Buffer, { file }: ImageFile) => ({
    sha256: tta ? contentHash(bytes) : '',
    pixels: await decodeSizes(bytes, inputSizes, notes.of(file)),
  });
  const sizes = inputSizes.map(({ size }) => size);
  const reading = {
    concurrency,
    read,
    decode,
    get ahead() {
      return imagesAhead(sizes, { concurrency, batchSize, isCompiled });
    },
  };
  for await (const image of readImages(images, reading)) {
    if (signal?.aborted) break;
    if ('reason' in image) {
      failures.push({ file: shownPath(image.image.file), reason: image.reason });
      progress.advance(1);
    } else {
      const { sha256, pixels } = image.result;
      for (const view of views.numbers) {
        const drawn = pixels.map((own, index) => views.pixels(own, inputSizes[index].size, sha256, view));
        await batches.add({ ...image.image, view }, drawn);
      }
    }
    if (ready.length > 0) yield taken();
  }
  await batches.finish();
  if (ready.length > 0) yield taken();
}
