/** One backbone of a run and the store its features go to. */
import type { Augmentation } from '../shared/augment/augmentation.ts';
import type { Views } from '../shared/augment/view.ts';
import {
  type BackboneDescription,
  type BackboneRequest,
  PRECISION,
} from '../shared/backbones/thread/protocol.ts';
import { type BackboneThread, startBackbone } from '../shared/backbones/thread/start.ts';
import { messageOf } from '../shared/errors.ts';
import type { InputSize } from '../shared/images/input-sizes.ts';
import { formatResize } from '../shared/images/resize.ts';
import type { Reporter } from '../shared/reporter.ts';
import { lockStore } from '../shared/store/lock.ts';
import type { RowRecord } from '../shared/store/part-buffer.ts';
import { MATHS_VERSION } from '../shared/store/pipeline.ts';
import type { Dtype, FeatureColumn, Pipeline } from '../shared/store/schema.ts';
import { createStoreWriter, type StoreWriter } from '../shared/store/writer.ts';
import { packageVersion } from '../shared/version.ts';
import type { Dataset } from './dataset/dataset.ts';
import { type Failure, writeFailures } from './failures.ts';
import { type KnownFiles, openKnownFiles } from './known-files.ts';
import { type Earlier, openEarlier, usualFolder } from './plan.ts';
import { storeFeatures } from './store-features.ts';

/** A backbone of a run and where its features go. */
export interface JobRequest {
  backbone: BackboneRequest;
  /** Folder of the feature store. */
  out: string;
}

export interface JobOptions {
  dataset: Dataset;
  besideOthers: boolean;
  dtype: Dtype;
  augment: Augmentation | undefined;
  views: Views;
  batchSize: number;
  rehash: boolean;
  signal: AbortSignal | undefined;
  reporter: Reporter;
  /** Told how many rows more have their features. */
  advance(rows: number): void;
}

export interface ExtractionJob {
  readonly backbone: string;
  readonly out: string;
  readonly inputSize: InputSize;
  /** Images whose features this run computed. */
  readonly computed: number;
  /** What each row has. */
  readonly columns: readonly FeatureColumn[];
  /** Of the store's parts, once it is finished. */
  readonly bytes: number;
  /** Whether the backbone has given features: it is compiled when the first are needed. */
  readonly isCompiled: boolean;
  /** The hash of a file whose features are all there and that has not changed since; undefined: it must be read. */
  cachedHash(path: string, file: string): Promise<string | undefined>;
  /** Whether all features of an image are there. */
  isWhole(sha256: string): boolean;
  /** Takes the rows of one image, and its pixels unless it is whole. */
  add(records: readonly RowRecord[], pixels: Uint8Array | undefined): Promise<void>;
  /** Computes what is left and writes the store down: these rows, and the images that cannot be used. */
  finish(rows: RowRecord[], failures: readonly Failure[]): Promise<void>;
  /** Keeps what can be kept of a run that failed with `thrown`. */
  keep(thrown: unknown, failures: readonly Failure[]): Promise<void>;
  /** Ends the backbone and lets go of the store. */
  close(): Promise<void>;
}

/** Starts a backbone and opens its store. @throws as extract does; nothing is left open then */
export async function openJob(
  { backbone, out: requested }: JobRequest,
  options: JobOptions,
): Promise<ExtractionJob> {
  const { augment, besideOthers, dtype, signal, reporter } = options;
  let thread = await startBackbone(backbone, { signal, reporter });
  let lock: StoreLock | undefined;
  try {
    const { poolings } = backbone;
    const identity = { pipeline: pipelineOf(thread.description, poolings, dtype), augment: augment?.kind };
    const out = besideOthers ? await usualFolder(requested, identity, poolings) : requested;
    lock = await lockStore(out);
    const earlier = await openEarlier(out, identity, poolings, lock.check);
    if (lock.afterCrash) reporter.warn(`${out}: the last run on it was killed; what it committed is kept`);
    for (const message of earlier.found) reporter.info(message);
    for (const message of earlier.damage) reporter.warn(message);
    if (earlier.columns.some((name) => !poolings.includes(name))) {
      await thread.finish();
      thread = await startBackbone({ ...backbone, poolings: earlier.columns }, { signal, reporter });
    }
    return await openStoreOf({ thread, lock, out, earlier }, options);
  } catch (thrown) {
    await lock?.release();
    await thread.finish();
    throw thrown;
  }
}

type StoreLock = Awaited<ReturnType<typeof lockStore>>;

/** A backbone that runs, and the locked folder of its store. */
interface Opened {
  thread: BackboneThread;
  lock: StoreLock;
  out: string;
  earlier: Earlier;
}

async function openStoreOf(opened: Opened, options: JobOptions): Promise<ExtractionJob> {
  const { thread, lock, out, earlier } = opened;
  const { dataset, dtype, augment, rehash, reporter } = options;
  const { description } = thread;
  const columns = earlier.columns.map((name) => description.columns.find((own) => own.name === name)!);
  const store = await createStoreWriter(
    out,
    {
      pipeline: pipelineOf(description, earlier.columns, dtype),
      classes: dataset.classes,
      columns,
      images: dataset.images.length,
      shard: dataset.shard,
      augment: augment?.kind,
    },
    { storedParts: earlier.storedParts, addsColumns: earlier.addsColumns, guard: lock.check },
  );
  const files = await openKnownFiles(out, { trusted: !rehash, warn: reporter.warn });
  return createJob({ ...opened, columns, store, files }, options);
}

/** With what the store is read and written by. */
interface OpenedStore extends Opened {
  columns: readonly FeatureColumn[];
  store: StoreWriter;
  files: KnownFiles;
}

function createJob(
  { thread, lock, out, columns, store, files }: OpenedStore,
  { views, batchSize, reporter, advance }: JobOptions,
): ExtractionJob {
  const { name: backbone, size, resize } = thread.description;
  const features = storeFeatures(thread, { batchSize, columns, store, computed: advance });
  const isWhole = (sha256: string) => views.numbers.every((view) => store.has({ sha256, view }));
  let computed = 0;
  let bytes = 0;
  let isFinished = false;
  return {
    backbone,
    out,
    inputSize: { size, resize },
    columns,
    get bytes() {
      return bytes;
    },
    get computed() {
      return computed;
    },
    get isCompiled() {
      return features.isCompiled;
    },
    async cachedHash(path, file) {
      const sha256 = await files.hashOf(path, file);
      return sha256 !== undefined && isWhole(sha256) ? sha256 : undefined;
    },
    isWhole,
    async add(records, pixels) {
      let added = 0;
      for (const record of records) {
        const { path, sha256, view } = record;
        if (view === 0) files.remember(path, sha256);
        if (pixels && (await features.add(record, () => views.pixels(pixels, size, sha256, view)))) added++;
      }
      if (added > 0) computed++;
      if (added < records.length) advance(records.length - added);
    },
    async finish(rows, failures) {
      await features.finish();
      isFinished = true;
      // Its memory goes before the store is put in order.
      await thread.finish();
      await writeFailures(out, failures);
      if (rows.length > 0)
        bytes = await finishStore(store, files, { rows, failed: failures.length }, reporter);
    },
    async keep(thrown, failures) {
      if (isFinished) return;
      const lost = await features.keep().catch(messageOf);
      if (lost && lost !== messageOf(thrown)) reporter.warn(lost);
      await writeFailures(out, failures).catch(() => {});
    },
    async close() {
      await thread.finish();
      await lock.release();
    },
  };
}

/** Writes the rows and remembers the files that they are of. @returns bytes of the store's parts */
async function finishStore(
  store: StoreWriter,
  files: KnownFiles,
  outcome: { rows: RowRecord[]; failed: number },
  reporter: Reporter,
): Promise<number> {
  const { parts } = await store.finish(outcome);
  // Features are what counts; without this the next run only takes longer.
  await files.save().catch((thrown: unknown) => {
    reporter.warn(`${messageOf(thrown)}: the next run reads every image again`);
  });
  return parts.reduce((sum, part) => sum + part.bytes, 0);
}

function pipelineOf(description: BackboneDescription, poolings: string[], dtype: Dtype): Pipeline {
  const { name, weights, weightsHash, size, preprocessing, resize, engine } = description;
  const version = packageVersion();
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
