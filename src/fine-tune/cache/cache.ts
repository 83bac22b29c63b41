/** The activations in front of a cut, each computed once: what is cached is taken from there, and the rest joins it. */
import { createViews } from '../../shared/augment/view.ts';
import type { BackboneDescription } from '../../shared/backbones/thread/protocol.ts';
import { type BackboneThread, startBackbone } from '../../shared/backbones/thread/start.ts';
import { InputError, shownPath, unexpected } from '../../shared/errors.ts';
import { elementCount } from '../../shared/graph/value.ts';
import { createNotes } from '../../shared/images/notes.ts';
import { openPhotos, type Photos } from '../../shared/images/photos.ts';
import { counted, plural } from '../../shared/plural.ts';
import { type Reporter, silent } from '../../shared/reporter.ts';
import type { ActivationFolder } from '../../shared/store/activations/folder.ts';
import { inMemory } from '../../shared/store/activations/memory.ts';
import type { ActivationLayout, ActivationsRequest } from '../../shared/store/activations/request.ts';
import { requestOf } from '../../shared/store/activations/stored.ts';
import type { ActivationWriter } from '../../shared/store/activations/writer.ts';
import { computeActivations, type LeftOut } from './fill.ts';
import { type CacheFolders, type FolderRequest, openFolders } from './folders.ts';
import {
  type CachePlan,
  cacheText,
  checkDisk,
  checkMaxBytes,
  planCache,
  sizeText,
  type WantedContent,
  type WantedImage,
  wantedContents,
} from './plan.ts';

export interface CacheRequest extends FolderRequest {
  images: readonly WantedImage[];
  /** Refuse to cache more than this. */
  maxBytes: number | undefined;
  /** Activations that take no more than this are read into memory. */
  maxMemory: number;
  /** The folder or the archive that the photos are in; undefined: it is not known. */
  photos: string | undefined;
  batchSize: number;
  concurrency: number;
}

/** Activations that are there now. */
export interface CachedActivations {
  /** Opens a reader, in any thread. */
  request: ActivationsRequest;
  /** Of all parts, on disk. */
  bytes: number;
  /** Rows that this run computed, and those that were cached. */
  computed: number;
  reused: number;
  /** Photos whose activations are missing, since they could not be used. */
  leftOut: readonly LeftOut[];
}

/**
 * Makes sure that the activations of all images and views are cached, and says what that takes before it begins. Photos are only
 * read where something is missing. However it ends, what was computed is kept.
 * @throws InputError when more is wanted than `maxBytes` or the disk allows, photos that are needed are gone, or none of them can
 *   be used; the abort reason of `signal`
 */
export async function cacheActivations(
  request: CacheRequest,
  { signal, reporter = silent }: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<CachedActivations> {
  signal?.throwIfAborted();
  const contents = wantedContents(request.images);
  const folders = await openFolders(request, contents, reporter);
  try {
    const { layout, all } = folders;
    const plan = planCache(contents, layout, (content) => folders.of(content.view).has(content));
    reporter.info(`${all[0].dir}: ${planText(plan, contents, layout)}`);
    checkMaxBytes(plan, request.maxBytes);
    const done = await compute(plan, folders, request, { signal, reporter });
    const parts = all.flatMap((folder) => folder.parts);
    const bytes = parts.reduce((sum, { entry }) => sum + entry.bytes, 0);
    const onDisk = requestOf(layout, parts);
    return {
      request: bytes <= request.maxMemory ? await inMemory(onDisk) : onDisk,
      bytes,
      reused: plan.wanted.rows - plan.missing.rows,
      ...done,
    };
  } finally {
    await Promise.all(folders.all.map((folder) => folder.close()));
  }
}

function planText(plan: CachePlan, contents: readonly WantedContent[], layout: ActivationLayout): string {
  const { wanted, missing } = plan;
  const cached = wanted.rows - missing.rows;
  const text = cacheText(contents, plan, layout);
  if (missing.rows === 0) return `${text}, all cached: no photo is read`;
  return cached === 0
    ? text
    : `${text}; ${cached} cached, ${missing.rows} to compute, ${sizeText(missing.bytes)}`;
}

/** What a run reports to, and what ends it early. */
interface Context {
  signal: AbortSignal | undefined;
  reporter: Reporter;
}

async function compute(
  plan: CachePlan,
  folders: CacheFolders,
  { network, cut, augment, photos: place, batchSize, concurrency }: CacheRequest,
  { signal, reporter }: Context,
): Promise<Pick<CachedActivations, 'computed' | 'leftOut'>> {
  const { missing, toCompute } = plan;
  if (missing.rows === 0) return { computed: 0, leftOut: [] };
  await checkDisk(plan, folders.all[0].dir);
  const photos = await reopenPhotos(place, plan);
  let thread: BackboneThread | undefined;
  try {
    thread = await startBackbone(network, { signal, reporter });
    checkFront(thread.description, cut);
    const writers = await startWriting(folders, toCompute, thread.description.engine);
    const notes = createNotes();
    const progress = reporter.progress(`front of ${network.name}`, 'images and views', missing.rows);
    const writerOf = (view: number) => writers.get(folders.of(view))!;
    const options = {
      thread,
      photos,
      views: createViews(augment),
      writerOf,
      batchSize,
      concurrency,
      notes,
      signal,
    };
    const done = await computeActivations(toCompute, { ...options, advance: progress.advance })
      .catch(async (thrown: unknown) => {
        // The first failure is the one to tell about.
        for (const writer of writers.values()) await writer.flush().catch(() => {});
        throw thrown;
      })
      .finally(() => progress.stop());
    for (const writer of writers.values()) await writer.finish();
    for (const sentence of notes.sentences(toCompute.length)) reporter.warn(sentence);
    tellLeftOut(done.leftOut, toCompute.length, plan, reporter);
    return done;
  } finally {
    await thread?.finish();
    await photos.close();
  }
}

/** The photos that are needed. @throws InputError where they are not known, or gone */
async function reopenPhotos(
  place: string | undefined,
  { wanted, missing, toCompute }: CachePlan,
): Promise<Photos> {
  const some = `${missing.rows} of ${counted(wanted.rows, 'activation')} ${plural(missing.rows, 'is', 'are')} not cached`;
  if (place === undefined)
    throw new InputError(
      `${some}, and where the photos are is not known, as of data sets from tables: give --images with their folder, or a .zip or .tar of it`,
    );
  const photos = await openPhotos(
    place,
    toCompute.slice(0, 100).flatMap(({ paths }) => paths),
  );
  if (photos) return photos;
  throw new InputError(
    `${some}, and the photos are no longer in ${shownPath(place)}: give --images with their folder, or a .zip or .tar of it, if they have moved`,
  );
}

/** A weights file may have been replaced since the network was cut. */
function checkFront(
  { weightsHash, columns }: BackboneDescription,
  { weightsHash: expected, cut, frontColumns }: CacheRequest['cut'],
): void {
  if (weightsHash !== expected)
    throw unexpected(`weights with SHA-256 ${expected}`, 'the front', weightsHash);
  const names = [`${elementCount(cut.shape)}`, ...frontColumns.map(({ name }) => name)].join(', ');
  const [{ dimension }, ...rest] = columns;
  const found = [`${dimension}`, ...rest.map(({ name }) => name)].join(', ');
  if (found !== names) throw unexpected(`an activation of ${names}`, 'the front', found);
}

/** A writer for each folder that lacks some of the views. */
async function startWriting(
  folders: CacheFolders,
  toCompute: readonly WantedContent[],
  engine: BackboneDescription['engine'],
): Promise<ReadonlyMap<ActivationFolder, ActivationWriter>> {
  const writers = new Map<ActivationFolder, ActivationWriter>();
  const lacking = new Set(toCompute.flatMap(({ views }) => views.map(folders.of)));
  for (const folder of lacking) writers.set(folder, await folder.startWriting(engine));
  return writers;
}

/** Names in one message; of the others the number. */
const MAX_NAMES = 5;

/** @throws InputError when no photo could be used, and nothing was cached before */
function tellLeftOut(
  leftOut: readonly LeftOut[],
  photos: number,
  { wanted, missing }: CachePlan,
  { warn }: Reporter,
): void {
  if (leftOut.length === 0) return;
  const shown = leftOut.slice(0, MAX_NAMES).map(({ path, reason }) => `${shownPath(path)} (${reason})`);
  const more = leftOut.length > shown.length ? ` and ${leftOut.length - shown.length} more` : '';
  const names = `${shown.join(', ')}${more}`;
  if (leftOut.length === photos && wanted.rows === missing.rows)
    throw new InputError(`None of ${counted(photos, 'photo')} can be used: ${names}`);
  warn(
    `${leftOut.length} of ${counted(photos, 'photo')} could not be used and ${plural(leftOut.length, 'is', 'are')} left out: ${names}`,
  );
}
