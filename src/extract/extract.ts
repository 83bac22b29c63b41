/** Stage one: the features of a dataset's images, into a feature store. Start reading here. */
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Augmentation } from '../shared/augment/augmentation.ts';
import { contentHash, createViews } from '../shared/augment/view.ts';
import {
  type BackboneDescription,
  type BackboneRequest,
  PRECISION,
} from '../shared/backbones/thread/protocol.ts';
import { startBackbone } from '../shared/backbones/thread/start.ts';
import { type Reporter, silent } from '../shared/cli/terminal.ts';
import { InputError, messageOf } from '../shared/errors.ts';
import { decodeImage } from '../shared/images/decode.ts';
import { NO_SUCH_FILE, readImages } from '../shared/images/read.ts';
import { formatResize } from '../shared/images/resize.ts';
import { writeConflicts } from '../shared/store/conflicts.ts';
import { lockStore, type StoreLock } from '../shared/store/lock.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import { writePhotoFolder } from '../shared/store/photos.ts';
import { MATHS_VERSION, type Origin } from '../shared/store/pipeline.ts';
import { CONFLICTS_FILE, type Dtype, type Pipeline } from '../shared/store/schema.ts';
import { createStoreWriter } from '../shared/store/writer.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { DatasetImage, ImageSource } from './dataset/layout.ts';
import { allowedFailures, type Failure, failureError, type MostFailures, writeFailures } from './failures.ts';
import { openKnownFiles } from './known-files.ts';
import { openEarlier, usualFolder } from './plan.ts';
import { storeFeatures } from './store-features.ts';

export interface ExtractOptions {
  dataset: Dataset;
  backbone: BackboneRequest;
  /** Folder of the feature store. */
  out: string;
  /** Whether a store of another pipeline at `out` is left alone and one beside it used. */
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
  mostFailures?: MostFailures;
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
  /** From the start, the backbone's loading included, to the store being complete. */
  seconds: number;
  imagesPerSecond: number;
}

/** Images that wait decoded for the backbone, at most: a fixed amount of memory, whatever the dataset's size. */
const MOST_DECODED = 512;
const MOST_DECODED_BYTES = 64 * 1024 * 1024;

/**
 * Computes the features of all images whose content is not in the store yet, and leaves the store with exactly the
 * dataset's rows in the dataset's order. However it ends, what was computed is kept.
 * @throws InputError when no image can be used, too many fail, or the store is of another pipeline; the abort reason
 *   of `signal`
 */
export async function extract(
  {
    dataset,
    backbone,
    out: asked,
    besideOthers = false,
    dtype,
    augment,
    batchSize,
    concurrency,
    rehash = false,
    onError,
    mostFailures,
  }: ExtractOptions,
  { signal, reporter = silent }: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<ExtractSummary> {
  const started = performance.now();
  const { images, classes } = dataset;
  const thread = await startBackbone(backbone, { signal, reporter });
  let lock: StoreLock | undefined;
  try {
    const { description } = thread;
    const { columns } = description;
    const pipeline = pipelineOf(description, backbone.poolings, dtype);
    const origin: Origin = { pipeline, columns, augment: augment?.kind };
    const out = besideOthers ? await usualFolder(asked, origin) : asked;
    lock = await lockStore(out);
    const earlier = await openEarlier(out, origin, lock.check);
    if (lock.afterCrash) reporter.warn(`${out}: the last run on it was killed; what it committed is kept`);
    for (const message of earlier.found) reporter.info(message);
    for (const message of earlier.damage) reporter.warn(message);
    const { held } = earlier;
    const header = {
      ...{ pipeline, classes, columns },
      images: images.length,
      shard: dataset.shard,
      augment: augment?.kind,
    };
    const store = await createStoreWriter(out, header, { held, guard: lock.check });

    const { source } = dataset;
    const files = await openKnownFiles(out, { trusted: !rehash });
    const failures: Failure[] = [];
    const most = mostFailures ? allowedFailures(mostFailures, images.length) : images.length;
    const rows: RowRecord[] = [];
    const views = createViews(augment);
    const isWhole = (sha256: string) => views.numbers.every((view) => store.has({ sha256, view }));
    let computed = 0;
    let usable = 0;
    const progress = reporter.progress(
      description.name,
      augment ? 'images and views' : 'images',
      images.length * views.numbers.length,
    );
    const features = storeFeatures(thread, {
      batchSize,
      store,
      computed: (count) => progress.advance(count),
    });
    try {
      const { size, resize } = description;
      const known = async ({ path }: DatasetImage) => {
        const sha256 = source.fileOf && (await files.hashOf(path, source.fileOf(path)));
        return sha256 && isWhole(sha256) ? { sha256, pixels: null } : undefined;
      };
      const decode = async (bytes: Buffer) => {
        const sha256 = contentHash(bytes);
        return { sha256, pixels: isWhole(sha256) ? null : await decodeImage(bytes, size, resize) };
      };
      // While a backbone is being compiled the other cores decode, up to a fixed amount of memory.
      const affordable = Math.min(
        MOST_DECODED,
        Math.floor(MOST_DECODED_BYTES / (size.width * size.height * 3)),
      );
      const ahead = Math.max(concurrency + batchSize, affordable);
      const readOne = ({ path }: DatasetImage) => source.read(path);
      for await (const read of readImages(images, { concurrency, ahead, known, read: readOne, decode })) {
        signal?.throwIfAborted();
        if ('reason' in read) {
          const failure = { path: read.image.path, reason: read.reason };
          failures.push(failure);
          progress.advance(views.numbers.length);
          await checkStillThere(source, failure);
          if (onError === 'fail') throw failureError(failure, '--on-error fail');
          if (failures.length > most) {
            throw failureError(failure, `more failures than the ${most} that --max-errors allows`);
          }
          continue;
        }
        const { path, labels, split, group, weight } = read.image;
        const { sha256, pixels } = read.made;
        files.remember(path, sha256);
        usable++;
        let added = 0;
        for (const view of views.numbers) {
          const record: RowRecord = { path, sha256, labels, split, view, group, weight };
          rows.push(record);
          if (pixels && (await features.add(record, () => views.pixels(pixels, size, sha256, view)))) added++;
        }
        if (added > 0) computed++;
        if (added < views.numbers.length) progress.advance(views.numbers.length - added);
      }
      await features.finish();
    } catch (thrown) {
      // The first failure is the one to tell about; what can still be kept is.
      await features.keep().catch((lost: unknown) => {
        if (messageOf(lost) !== messageOf(thrown)) reporter.warn(messageOf(lost));
      });
      await writeFailures(out, failures).catch(() => {});
      throw thrown;
    } finally {
      progress.stop();
    }
    await writeFailures(out, failures);
    if (rows.length === 0) throw noneUsable(failures);
    await store.finish({ rows, failed: failures.length });
    await files.save();
    if (source.fileOf) await writePhotoFolder(out, source.fileOf(''));
    const conflicts = await writeConflicts(out, rows);
    if (conflicts > 0)
      reporter.warn(
        `${conflicts} images are there twice with different labels: see ${join(out, CONFLICTS_FILE)}`,
      );

    const seconds = (performance.now() - started) / 1000;
    return {
      out,
      backbone: description.name,
      images: images.length,
      computed,
      reused: usable - computed,
      failed: failures.length,
      seconds: Number(seconds.toFixed(3)),
      imagesPerSecond: Number((images.length / seconds).toFixed(2)),
    };
  } finally {
    await thread.finish();
    await lock?.release();
  }
}

/**
 * An image that was found a moment ago and is gone together with its folder is no bad image: the folder has vanished,
 * and finishing would drop what was computed of it.
 * @throws InputError when that is so
 */
async function checkStillThere({ folder, fileOf }: ImageSource, { path, reason }: Failure): Promise<void> {
  if (folder === undefined || reason !== NO_SUCH_FILE) return;
  const home = dirname(fileOf!(path));
  if (await stat(home).catch(() => undefined)) return;
  throw new InputError(`${home} has vanished while its images were read: what was computed is kept`);
}

function noneUsable(failures: Failure[]): InputError {
  const [{ path, reason }] = failures;
  const missing = failures.every((failure) => failure.reason === NO_SUCH_FILE);
  const hint = missing ? ' (paths of a manifest are relative to its folder; --root names another)' : '';
  return new InputError(`None of the ${failures.length} images can be used; ${path}: ${reason}${hint}`);
}

function pipelineOf(description: BackboneDescription, poolings: string[], dtype: Dtype): Pipeline {
  const { name, weights, weightsHash, size, preprocessing, resize, engine } = description;
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  return {
    backbone: name,
    weights,
    weightsHash,
    size,
    poolings,
    preprocessing,
    resize: formatResize(resize),
    precision: PRECISION,
    dtype,
    maths: MATHS_VERSION,
    engine,
    version,
  };
}
