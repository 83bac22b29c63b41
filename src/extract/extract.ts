/** Stage one: the features of a dataset's images, into feature stores. Start reading here. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Augmentation } from '../shared/augment/augmentation.ts';
import { contentHash, createViews } from '../shared/augment/view.ts';
import { InputError } from '../shared/errors.ts';
import { imagesAhead } from '../shared/images/ahead.ts';
import { decodeSizes } from '../shared/images/input-sizes.ts';
import { createNotes, type Notes } from '../shared/images/notes.ts';
import { pixelMemory } from '../shared/images/pixel-memory.ts';
import { NO_SUCH_FILE, readImages } from '../shared/images/read.ts';
import { counted, plural } from '../shared/plural.ts';
import { type Progress, type Reporter, silent } from '../shared/reporter.ts';
import { writeConflicts } from '../shared/store/conflicts.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import { writePhotoFolder } from '../shared/store/photos.ts';
import { CONFLICTS_FILE, type Dtype, type FeatureColumn, NUMBER_BYTES } from '../shared/store/schema.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { DatasetImage, ImageSource } from './dataset/layout.ts';
import { allowedFailures, type Failure, failureError, type MaxErrors } from './failures.ts';
import { type ExtractionJob, type JobRequest, openJob } from './job.ts';

export interface Extraction {
  dataset: Dataset;
  /** The backbones, each with a folder of its own. */
  jobs: readonly JobRequest[];
  /** Whether a store of another pipeline at a target's folder is left alone and one beside it used. */
  besideOthers?: boolean;
  dtype: Dtype;
  /** Views of each image, stored as further rows of it; default: none. */
  augment?: Augmentation;
  /** Images in one run of the backbone. */
  batchSize: number;
  /** Images read and decoded at a time. */
  concurrency: number;
  /** Whether every image is read again, even where its size and dates say that it is as it was. */
  rehash?: boolean;
  /** What happens when an image cannot be used. */
  onError: 'skip' | 'fail';
  /** Failures that are still put up with; default: any number, as long as not all fail. */
  maxErrors?: MaxErrors;
}

/** What a run did, as `--json` prints it. */
export interface ExtractSummary {
  out: string;
  backbone: string;
  /** Images of the dataset: computed + reused + failed. */
  images: number;
  computed: number;
  /** Images whose content had features already, from an earlier run or from a copy among the images. */
  reused: number;
  failed: number;
  /** Columns of the store, and the numbers that they hold for an image. */
  columns: number;
  features: number;
  /** Of the store's features on disk. */
  bytes: number;
  /** From the start, the backbone's loading included, to the store being complete. */
  seconds: number;
  imagesPerSecond: number;
}

/** An image that was read: its pixels for each target, undefined where its features are there. */
interface Decoded {
  sha256: string;
  pixels: (Uint8Array | undefined)[];
}

/**
 * Computes the features of all images whose content is not in the stores yet, reading each image once for all
 * backbones, and leaves each store with exactly the dataset's rows in the dataset's order. However it ends, what was
 * computed is kept.
 * @returns one summary a target
 * @throws InputError when no image can be used, too many fail, or a store is of another pipeline; the abort reason
 *   of `signal`
 */
export async function extract(
  options: Extraction,
  { signal, reporter = silent }: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<ExtractSummary[]> {
  signal?.throwIfAborted();
  const started = performance.now();
  const { dataset, augment, dtype, batchSize, besideOthers = false, rehash = false } = options;
  const imageCount = dataset.images.length;
  const views = createViews(augment);
  const jobs: ExtractionJob[] = [];
  let progress: Progress | undefined;
  const advance = (rows: number) => progress?.advance(rows);
  try {
    for (const request of options.jobs) {
      const shared = { dataset, besideOthers, dtype, augment, views, batchSize, rehash };
      jobs.push(await openJob(request, { ...shared, signal, reporter, advance }));
    }
    for (const { out, columns } of jobs) reporter.info(sizeOf(out, columns, options));
    progress = reporter.progress(
      jobs.map(({ backbone }) => backbone).join(' + '),
      augment ? 'images and views' : 'images',
      imageCount * views.numbers.length * jobs.length,
    );
    const rows: RowRecord[] = [];
    const failures: Failure[] = [];
    const notes = createNotes();
    const run = { jobs, rows, failures, notes, views: views.numbers, advance, signal };
    try {
      await fillStores(options, run);
    } finally {
      progress.stop();
    }
    if (rows.length === 0) throw noneUsable(failures);
    for (const { out } of jobs) await writeCompanions(out, dataset.source, rows, reporter);
    for (const sentence of notes.sentences(imageCount)) reporter.warn(sentence);
    const seconds = (performance.now() - started) / 1000;
    return jobs.map((job) => summaryOf(job, { images: imageCount, failed: failures.length, seconds }));
  } finally {
    await Promise.all(jobs.map((job) => job.close()));
  }
}

/** Writes what training and reports need beside the features, and warns of copies with different labels. */
async function writeCompanions(
  out: string,
  { fileOf, archive }: ImageSource,
  rows: RowRecord[],
  reporter: Reporter,
): Promise<void> {
  const photos = fileOf ? fileOf('') : archive;
  if (photos !== undefined) await writePhotoFolder(out, photos);
  const conflicts = await writeConflicts(out, rows);
  if (conflicts > 0)
    reporter.warn(
      `${counted(conflicts, 'image')} ${plural(conflicts, 'has', 'have')} copies with different labels: see ${join(out, CONFLICTS_FILE)}`,
    );
}

function summaryOf(
  { out, backbone, computed, columns, bytes }: ExtractionJob,
  { images, failed, seconds }: { images: number; failed: number; seconds: number },
): ExtractSummary {
  return {
    out,
    backbone,
    images,
    computed,
    reused: images - failed - computed,
    failed,
    columns: columns.length,
    features: featureCount(columns),
    bytes,
    seconds: Number(seconds.toFixed(3)),
    imagesPerSecond: Number((images / seconds).toFixed(2)),
  };
}

function featureCount(columns: readonly FeatureColumn[]): number {
  return columns.reduce((sum, { dimension }) => sum + dimension, 0);
}

/** What the features of all images will take on disk. */
function sizeOf(out: string, columns: readonly FeatureColumn[], options: Extraction): string {
  const { dataset, augment, dtype } = options;
  const rows = dataset.images.length * (1 + (augment?.views ?? 0));
  const features = featureCount(columns);
  const bytes = rows * features * NUMBER_BYTES[dtype];
  return `${out}: ${counted(columns.length, 'column')}, ${features} features an image, about ${(bytes / 1e6).toFixed(1)} MB`;
}

interface Run {
  jobs: readonly ExtractionJob[];
  /** Filled with the rows of usable images. */
  rows: RowRecord[];
  /** Filled with the others. */
  failures: Failure[];
  /** Told of what the others are not as they stand. */
  notes: Notes;
  views: readonly number[];
  advance(rows: number): void;
  signal: AbortSignal | undefined;
}

/** Reads all images and writes the stores; what can be kept of a run that fails is. */
async function fillStores(options: Extraction, run: Run): Promise<void> {
  const { jobs, rows, failures } = run;
  try {
    await readAll(options, run);
    for (const job of jobs) await job.finish(rows, failures);
  } catch (thrown) {
    // The first failure is the one to tell about.
    for (const job of jobs) await job.keep(thrown, failures);
    throw thrown;
  }
}

/** Reads all images in order and hands them to the targets. */
async function readAll(
  { dataset: { images, source }, concurrency, batchSize, onError, maxErrors }: Extraction,
  { jobs, rows, failures, notes, views, advance, signal }: Run,
): Promise<void> {
  const max = maxErrors ? allowedFailures(maxErrors, images.length) : images.length;
  const stored = async ({ path }: DatasetImage): Promise<Decoded | undefined> => {
    if (!source.fileOf) return undefined;
    const hashes: (string | undefined)[] = [];
    for (const job of jobs) hashes.push(await job.cachedHash(path, source.fileOf(path)));
    const [sha256] = hashes;
    if (sha256 === undefined || hashes.some((hash) => hash !== sha256)) return undefined;
    return { sha256, pixels: jobs.map(() => undefined) };
  };
  const memory = pixelMemory();
  const decode = async (bytes: Buffer, { path }: DatasetImage): Promise<Decoded> => {
    const sha256 = contentHash(bytes);
    const lacking = jobs.filter((job) => !job.isWhole(sha256));
    const decoded = await decodeSizes(
      bytes,
      lacking.map(({ inputSize }) => inputSize),
      notes.of(path),
    );
    const kept = new Map(decoded.map((pixels) => [pixels, memory.keep(pixels)]));
    return { sha256, pixels: jobs.map((job) => kept.get(decoded[lacking.indexOf(job)])) };
  };
  const sizes = jobs.map(({ inputSize }) => inputSize.size);
  const reading = {
    concurrency,
    stored,
    decode,
    read: ({ path }: DatasetImage) => source.read(path),
    get ahead() {
      const isCompiled = jobs.some((job) => job.isCompiled);
      return imagesAhead(sizes, { concurrency, batchSize, isCompiled });
    },
  };
  for await (const image of readImages(images, reading)) {
    signal?.throwIfAborted();
    if ('reason' in image) {
      const failure = await explained(source, image.image.path, image.reason);
      failures.push(failure);
      advance(views.length * jobs.length);
      await checkStillThere(source, failure);
      if (onError === 'fail') throw failureError(failure, '--on-error fail');
      if (failures.length > max) {
        throw failureError(failure, `more failures than the ${max} that --max-errors allows`);
      }
      continue;
    }
    const { path, labels, split, group, weight } = image.image;
    const { sha256, pixels } = image.result;
    const records = views.map((view) => ({ path, sha256, labels, split, view, group, weight }));
    rows.push(...records);
    for (const [index, job] of jobs.entries()) await job.add(records, pixels[index]);
    for (const own of new Set(pixels)) if (own) memory.release(own);
  }
}

/** A failure, for a missing file with the names of those that may be meant. */
async function explained({ near }: ImageSource, path: string, reason: string): Promise<Failure> {
  if (reason !== NO_SUCH_FILE) return { path, reason };
  if (path.includes('\ufffd')) return { path, reason: `${reason} (its name is not UTF-8: rename it)` };
  const names = (await near?.(path)) ?? [];
  const shown = names.slice(0, 3).join(', ');
  return { path, reason: names.length > 0 ? `${reason} (there is ${shown})` : reason };
}

/**
 * An image that was found a moment ago and is gone together with its folder is no bad image: the folder has vanished,
 * and finishing would drop what was computed of it.
 * @throws InputError when that is so
 */
async function checkStillThere({ folder, fileOf }: ImageSource, { path, reason }: Failure): Promise<void> {
  if (folder === undefined || !reason.startsWith(NO_SUCH_FILE)) return;
  const parent = dirname(fileOf!(path));
  if (await stat(parent).catch(() => undefined)) return;
  throw new InputError(`${parent} disappeared while its images were read: what was computed is kept`);
}

function noneUsable(failures: Failure[]): InputError {
  const [{ path, reason }] = failures;
  const missing = failures.every((failure) => failure.reason === NO_SUCH_FILE);
  const hint = missing ? ' (paths of a manifest are relative to its folder; --root names another)' : '';
  const what =
    failures.length === 1
      ? `Cannot use ${path}`
      : `None of the ${failures.length} images can be used; ${path}`;
  return new InputError(`${what}: ${reason}${hint}`);
}
