/** First step: the head to begin with, and its images as its run divided them. */
import { dirname, resolve } from 'node:path';
import { isModelFile } from '../../shared/backbones/model-file/request.ts';
import { readFeatures } from '../../shared/dataset/features.ts';
import { defaultMemory } from '../../shared/dataset/matrix-files.ts';
import { type SplitDataset, splitDataset } from '../../shared/dataset/split-dataset.ts';
import { DEFAULT_SPLIT } from '../../shared/dataset/splits.ts';
import { type FeatureSet, type FeatureTable, keepRows } from '../../shared/dataset/table.ts';
import { InputError, unexpected } from '../../shared/errors.ts';
import { type Head, type HeadSource, readHead } from '../../shared/head/record.ts';
import { counted } from '../../shared/plural.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { readPhotoFolder } from '../../shared/store/photos.ts';
import { shownBytes } from '../../shared/values.ts';
import { type RunImage, readRunImages } from './read-splits.ts';
import { withRunImages } from './run-images.ts';

export interface Start {
  head: Head;
  source: HeadSource;
  /** Folder of the store whose features the head was trained on. */
  store: string;
  /** Folder that the images' paths are relative to; undefined where nobody knows. */
  photos: string | undefined;
  /** The images without views, with the splits and labels of the head's run. */
  table: FeatureTable;
}

/** The images split by split, and their features. */
export interface DividedStart extends Start {
  dataset: SplitDataset;
  features: FeatureSet;
}

export interface StartRequest {
  /** The head's folder. */
  head: string;
  /** The head's store; default: as recorded. */
  features?: string;
  /** Folder of the images; default: as the store has it. */
  images?: string;
}

/**
 * @throws InputError for a head, a store or a run that cannot be read, and for heads whose backbone has no end that could be
 *   trained
 */
export async function openStart(
  { head: folder, features: given, images }: StartRequest,
  reporter: Reporter,
): Promise<Start> {
  const head = await readHead(folder);
  const source = trainableSource(head, folder);
  const store = given ?? recordedStore(head, folder);
  const request = { features: [store], pooling: source.columns };
  const runImages = await readRunImages(folder);
  refuseFolds(runImages, folder);
  const maxBytes = defaultMemory();
  const stored = await readFeatures([request], reporter, { maxBytes });
  refuseOtherStore(stored.sets[0], source, store);
  if (stored.matrixBytes > maxBytes)
    throw unexpected(
      `features of at most ${shownBytes(maxBytes)} (60 % of memory)`,
      store,
      shownBytes(stored.matrixBytes),
    );
  const table = withRunImages(
    keepRows(stored, (row) => stored.views[row] === 0),
    runImages,
    { store, run: dirname(resolve(folder)), reporter },
  );
  return { head, source, store, table, photos: images ?? (await readPhotoFolder(store)) };
}

/** Puts the images in order, split by split. The result takes over the memory of the features. */
export function divideStart(start: Start, reporter: Reporter): DividedStart {
  const { head, table } = start;
  const { task, classes, config } = head.record;
  const memory = { maxBytes: defaultMemory(), neededBytes: table.matrixBytes, isStreamed: false };
  const dataset = splitDataset(
    { task, classes, table, memory, targets: targetsOf(table.labels, classes) },
    { split: DEFAULT_SPLIT, seed: config.seed },
    reporter,
  );
  return { ...start, dataset, features: dataset.table.sets[0] };
}

/** The only source of the head, whose backbone has an end that can be trained. */
function trainableSource({ record }: Head, folder: string): HeadSource {
  const { sources, config } = record;
  const [source] = sources;
  if (sources.length > 1)
    throw new InputError(
      `Expected a head on one backbone for --head but ${folder} reads ${counted(sources.length, 'backbone')} (${sources.map(({ pipeline }) => pipeline.backbone).join(', ')}): only one can be trained at a time`,
    );
  if (isModelFile(source.pipeline.backbone))
    throw new InputError(
      `Expected a head on a backbone that permafrost builds itself for --head but ${folder} is on ${source.pipeline.backbone}: an .onnx file has no layers to train`,
    );
  if (config.tail)
    throw new InputError(
      `Expected a head on a frozen backbone for --head but ${folder} is fine-tuned already: start from the head that it began with`,
    );
  return source;
}

function recordedStore({ record: { stores } }: Head, folder: string): string {
  if (stores) return stores[0];
  throw new InputError(
    `Expected head.json of ${folder} to say where the head's feature store is, but an earlier version of permafrost wrote it: pass --features STORE`,
  );
}

/** @throws InputError where the store's features are not those that the head was trained on */
function refuseOtherStore(
  { sources: [found] }: FeatureSet,
  { pipeline, dimension }: HeadSource,
  store: string,
): void {
  const names = ['backbone', 'weightsHash', 'preprocessing', 'resize', 'maths'] as const;
  const size = ({ size: { width, height } }: HeadSource['pipeline']) => `${width}x${height}`;
  const differences: [string, unknown, unknown][] = [
    ...names.map((name): [string, unknown, unknown] => [name, pipeline[name], found.pipeline[name]]),
    ['size', size(pipeline), size(found.pipeline)],
    ['number of features', dimension, found.dimension],
  ];
  for (const [what, expected, received] of differences)
    if (expected !== received)
      throw new InputError(
        `Expected the features that the head was trained on in ${store} but their ${what} is ${received}, not ${expected}: pass --features STORE`,
      );
}

/** @throws InputError where the head has seen all images but the test images: nothing is left that could choose an epoch */
function refuseFolds(runImages: ReadonlyMap<string, readonly RunImage[]>, folder: string): void {
  const validates = ({ split }: RunImage) => split === 'val';
  if (![...runImages.values()].some((own) => own.some(validates)))
    throw new InputError(
      `Expected validation images in the run of ${folder} but it has none (train-head --folds?): train the head without --folds first`,
    );
}

/** Targets [images, classes] in the head's classes. @throws InputError for another label */
export function targetsOf(labels: readonly (readonly string[])[], classes: readonly string[]): Uint8Array {
  const column = new Map(classes.map((name, index) => [name, index]));
  const targets = new Uint8Array(labels.length * classes.length);
  for (const [row, own] of labels.entries())
    for (const label of own) {
      const index = column.get(label);
      if (index === undefined) throw unexpected("a class of the head's", 'a label of its run', label);
      targets[row * classes.length + index] = 1;
    }
  return targets;
}
