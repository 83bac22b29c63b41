/** Third step: the activations in front of each cut, and which rows of them train, validate and test. */
import { join } from 'node:path';
import type { Augmentation } from '../shared/augment/augmentation.ts';
import { hashOf } from '../shared/dataset/content-hashes.ts';
import { keepRows } from '../shared/dataset/table.ts';
import { parseResize } from '../shared/images/resize.ts';
import type { Reporter } from '../shared/reporter.ts';
import { openActivations } from '../shared/store/activations/reader.ts';
import type { ActivationDtype, ActivationsRequest } from '../shared/store/activations/request.ts';
import { type CachedActivations, cacheActivations } from './cache/cache.ts';
import type { Cuts } from './cuts.ts';
import type { DividedStart, Start } from './start/open.ts';
import type { TailRows } from './tail/data.ts';

export interface ActivationOptions {
  augment: Augmentation | undefined;
  folder: string | undefined;
  dtype: ActivationDtype;
  maxBytes: number | undefined;
  maxMemory: number;
  engine: string;
  concurrency: number;
}

/** Images in one run of the front. */
const BATCH_SIZE = 16;

/** The activations of each cut, by the layer that training begins at. */
export async function openCaches(
  { source, store, photos, table }: Pick<Start, 'source' | 'store' | 'photos' | 'table'>,
  { networks, weights }: Cuts,
  { augment, folder = join(store, 'activations'), engine, ...options }: ActivationOptions,
  context: { signal: AbortSignal; reporter: Reporter },
): Promise<Map<string, CachedActivations>> {
  const { pipeline, columns } = source;
  const images = table.paths.map((path, row) => ({
    path,
    sha256: hashOf(table.hashes, row),
    views: table.splits[row] === 'train' ? (augment?.views ?? 0) : 0,
  }));
  const caches = new Map<string, CachedActivations>();
  for (const { from, network } of networks) {
    if (caches.has(from)) continue;
    const request = {
      name: pipeline.backbone,
      weights,
      size: pipeline.size,
      resize: parseResize(pipeline.resize, `resize of the head's ${pipeline.backbone}`),
      poolings: columns,
      engine,
      from,
    };
    const cache = await cacheActivations(
      { ...options, network: request, cut: network, images, augment, folder, photos, batchSize: BATCH_SIZE },
      context,
    );
    caches.set(from, cache);
  }
  return caches;
}

/** Whether all caches have an image. */
function cachedImages(caches: Iterable<CachedActivations>): (sha256: string) => boolean {
  const readers = Array.from(caches, ({ request }) => openActivations(request));
  return (sha256) => readers.every((reader) => reader.rowOf(sha256, 0) !== undefined);
}

/** The start without images that are not cached, since they could not be read. */
export function withoutMissing(start: Start, caches: Iterable<CachedActivations>): Start {
  const isCached = cachedImages(caches);
  const { table } = start;
  const { hashes } = table;
  return { ...start, table: keepRows(table, (row) => isCached(hashOf(hashes, row))) };
}

/** Rows of the activations, and of the targets, that train (with their views), validate, and stand for each image. */
export interface SplitRows {
  train: TailRows;
  val: TailRows;
  /** Of every image, in the order of the table. */
  all: Int32Array;
}

/** @param views of each training image */
export function splitRows(
  { table, division: { rows } }: DividedStart['dataset'],
  activations: ActivationsRequest,
  views: number,
): SplitRows {
  const reader = openActivations(activations);
  const rowOf = (image: number, view: number) => reader.rowOf(hashOf(table.hashes, image), view);
  const all = Int32Array.from({ length: table.rows }, (_, image) => rowOf(image, 0)!);
  const cache: number[] = [];
  const image: number[] = [];
  for (let row = 0; row < rows.train; row++)
    for (let view = 0; view <= views; view++) {
      const found = rowOf(row, view);
      if (found === undefined) continue;
      cache.push(found);
      image.push(row);
    }
  const validates = Int32Array.from({ length: rows.val }, (_, index) => rows.train + index);
  return {
    train: { cache: Int32Array.from(cache), image: Int32Array.from(image) },
    val: { cache: validates.map((row) => all[row]), image: validates },
    all,
  };
}
