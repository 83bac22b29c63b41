/** A model of a hub on this machine: found in the cache that huggingface_hub shares, else downloaded into it. */
import { InputError, messageOf } from '../../errors.ts';
import type { Reporter } from '../../reporter.ts';
import { takeTurns } from '../take-turns.ts';
import { type HubCache, isThere, openHubCache } from './cache.ts';
import { CONFIGURATIONS, chooseModel, dataFiles, type ModelPrecision } from './choose-files.ts';
import {
  formatPinned,
  type HubReference,
  isCommit,
  type PinnedFile,
  parsePinned,
  parseReference,
  referenceName,
} from './reference.ts';
import { type HubSettings, hubSettings } from './settings.ts';

export interface FetchOptions {
  signal?: AbortSignal;
  reporter?: Reporter;
  /** Milliseconds before the first new attempt of a request or a download; each one after it waits twice as long. */
  retryAfter?: number;
}

/** A model that is wanted: the revision, and which of its files. */
interface Wanted {
  reference: HubReference;
  choose(files: readonly string[]): string;
}

/** A hub and its cache on this machine. */
interface Hub extends FetchOptions {
  settings: HubSettings;
  cache: HubCache;
}

/**
 * Makes sure that a model is on this machine, with its configuration. Requests nothing for a commit that is there.
 * @param name `hf:ORG/NAME[@REVISION]`
 * @returns `hf:ORG/NAME@COMMIT/FILE`
 * @throws UsageError for another name, InputError where the model cannot be had
 */
export async function fetchHubModel(
  name: string,
  precision: ModelPrecision,
  options: FetchOptions,
): Promise<string> {
  const reference = parseReference(name);
  const choose = (files: readonly string[]) => chooseModel(files, precision, referenceName(reference));
  return formatPinned(await fetchModel({ reference, choose }, options));
}

/** The same for weights that {@link fetchHubModel} named. */
export async function fetchPinnedModel(weights: string, options: FetchOptions): Promise<void> {
  const { repository, commit, file } = parsePinned(weights);
  const choose = (files: readonly string[]) => {
    if (files.includes(file)) return file;
    throw new InputError(`Expected ${file} in hf:${repository}@${commit} but it has no such file`);
  };
  await fetchModel({ reference: { repository, revision: commit }, choose }, options);
}

/** Where weights that {@link fetchHubModel} named are on this machine. @throws UsageError for other text */
export function hubModelPath(weights: string): string {
  return openHubCache(hubSettings().cache).snapshot(parsePinned(weights));
}

async function fetchModel(wanted: Wanted, options: FetchOptions): Promise<PinnedFile> {
  const settings = hubSettings();
  const hub: Hub = { ...options, settings, cache: openHubCache(settings.cache) };
  const { repository } = wanted.reference;
  const known = await commitOf(wanted.reference, hub);
  const cached = known.files ? undefined : await cachedModel(wanted, known.commit, hub);
  if (cached?.isWhole) return cached.pinned;
  if (settings.isOffline) {
    if (cached) return cached.pinned;
    throw notCached(wanted.reference, hub, 'HF_HUB_OFFLINE is set');
  }
  const { commitListing, Unreachable } = await import('./requests.ts');
  try {
    const files = known.files ?? (await commitListing({ repository, revision: known.commit }, hub)).files;
    return await fetchFiles(wanted, { commit: known.commit, files }, hub);
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown;
    if (cached) return cached.pinned;
    throw notCached(wanted.reference, hub, messageOf(thrown));
  }
}

/** The commit of a revision; of a branch or a tag with the files that the hub lists, unless the hub cannot be reached. */
async function commitOf(reference: HubReference, hub: Hub): Promise<{ commit: string; files?: string[] }> {
  const { repository, revision } = reference;
  const { cache, settings, reporter } = hub;
  if (isCommit(revision)) return { commit: revision };
  const before = async (reason: string): Promise<{ commit: string }> => {
    const commit = await cache.readRef(repository, revision);
    if (commit === undefined) throw notCached(reference, hub, reason);
    return { commit };
  };
  if (settings.isOffline) return before('HF_HUB_OFFLINE is set');
  const { commitListing, Unreachable } = await import('./requests.ts');
  try {
    const listing = await commitListing(reference, hub);
    await cache.writeRef(repository, revision, listing.commit);
    return listing;
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown;
    const found = await before(messageOf(thrown));
    reporter?.warn(
      `${messageOf(thrown)}: takes hf:${repository} at commit ${found.commit}, where ${revision} was before`,
    );
    return found;
  }
}

/** What the cache has of a model. */
async function cachedModel(
  { reference: { repository }, choose }: Wanted,
  commit: string,
  { cache }: Hub,
): Promise<{ pinned: PinnedFile; isWhole: boolean } | undefined> {
  const files = await cache.files(repository, commit);
  let file: string;
  try {
    file = choose(files);
  } catch {
    return undefined;
  }
  const settled = await Promise.all(
    CONFIGURATIONS.map((name) => files.includes(name) || cache.isMissing({ repository, commit, file: name })),
  );
  return { pinned: { repository, commit, file }, isWhole: settled.every(Boolean) };
}

/** The model comes last: where it is, everything else is. */
async function fetchFiles(
  { reference: { repository }, choose }: Wanted,
  { commit, files }: { commit: string; files: readonly string[] },
  hub: Hub,
): Promise<PinnedFile> {
  const model = choose(files);
  const pin = (file: string): PinnedFile => ({ repository, commit, file });
  for (const file of CONFIGURATIONS) if (!files.includes(file)) await hub.cache.setMissing(pin(file));
  const configurations = CONFIGURATIONS.filter((file) => files.includes(file));
  for (const file of [...configurations, ...dataFiles(files, model), model]) await fetchFile(pin(file), hub);
  return pin(model);
}

async function fetchFile(pinned: PinnedFile, hub: Hub): Promise<void> {
  const { cache, settings, signal, reporter, retryAfter } = hub;
  if (await isThere(cache.snapshot(pinned))) return;
  const { authorization, fileAddress, fileHash, refusalOf } = await import('./requests.ts');
  const hash = await fileHash(pinned, hub);
  const path = cache.blob(pinned.repository, hash);
  await takeTurns(cache.lock(pinned.repository, hash), {
    find: async () => ((await isThere(path)) ? path : undefined),
    async fetch() {
      const address = fileAddress(pinned, settings);
      const label = `${pinned.file} of hf:${pinned.repository}`;
      reporter?.info(`downloading ${label}`);
      const { download } = await import('../download.ts');
      const reference = { repository: pinned.repository, revision: pinned.commit };
      await download({
        address,
        path,
        label,
        hash,
        headers: authorization(settings),
        refusal: (status, headers) => refusalOf(status, headers, reference, settings),
        signal,
        reporter,
        retryAfter,
      });
      return path;
    },
    signal,
  });
  await cache.link(pinned, hash);
}

function notCached({ repository, revision }: HubReference, { settings }: Hub, reason: string): InputError {
  return new InputError(
    `${reason}, and ${repository} at ${revision} is not in ${settings.cache}: run "hf download ${repository}" where the hub can be reached and copy that folder, or name a mirror in HF_ENDPOINT`,
  );
}
