/** The files that Keras publishes: found where Keras or an earlier run left them, else downloaded once. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { InputError, messageOf } from '../errors.ts';
import type { Reporter } from '../reporter.ts';
import { takeTurns } from './take-turns.ts';

/** A file that Keras publishes. */
export interface PublishedWeights {
  /** What Keras calls it in its own cache. */
  readonly file: string;
  readonly address: string;
  /** MD5 (32 digits) or SHA-256 (64 digits) as published in Keras's code; for MobileNet and MobileNetV2 it has none. */
  readonly hash?: string;
}

/** Another place for the files, by their names. */
const MIRROR = 'PERMAFROST_WEIGHTS_URL';

/** The user's cache directory for weights. */
export function weightsFolder(): string {
  return join(envPaths('permafrost', { suffix: '' }).cache, 'weights');
}

/** Where Keras keeps its downloads (KERAS_HOME, else ~/.keras). */
function kerasFolder(): string {
  return join(process.env.KERAS_HOME ?? join(homedir(), '.keras'), 'models');
}

/** The address that a file is downloaded from. */
function publishedAddress({ file, address }: PublishedWeights): string {
  const mirror = process.env[MIRROR];
  return mirror ? `${mirror.replace(/\/+$/, '')}/${file}` : address;
}

/** Where the file is, if it is on this machine. A file of Keras's own cache counts if its checksum is right. */
export async function findPublished({ file, hash }: PublishedWeights): Promise<string | undefined> {
  const own = join(weightsFolder(), file);
  if (existsSync(own)) return own;
  const kerasOwn = join(kerasFolder(), file);
  if (!hash || !existsSync(kerasOwn)) return undefined;
  const { matches } = await import('./download.ts');
  return (await matches(kerasOwn, hash)) ? kerasOwn : undefined;
}

/**
 * The path of a published file, downloaded if need be; of several processes that want it, one downloads it.
 * @throws InputError that names the file, its address and where to put it, when it cannot be downloaded
 */
export async function fetchPublished(
  weights: PublishedWeights,
  { signal, reporter }: { signal?: AbortSignal; reporter?: Reporter } = {},
): Promise<string> {
  const path = join(weightsFolder(), weights.file);
  return takeTurns(`${path}.lock`, {
    find: () => findPublished(weights),
    async fetch() {
      const address = publishedAddress(weights);
      reporter?.info(`downloading ${address}`);
      const { download } = await import('./download.ts');
      try {
        await download({ address, path, hash: weights.hash, signal, reporter });
      } catch (thrown) {
        if (!(thrown instanceof InputError)) throw thrown;
        throw new InputError(
          `${messageOf(thrown)}. Get ${weights.file} from ${weights.address} on another machine and put it at ${path}, ` +
            `pass --weights FILE, or name a mirror in ${MIRROR}`,
        );
      }
      return path;
    },
    signal,
  });
}
