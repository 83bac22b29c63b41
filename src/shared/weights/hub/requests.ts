/** What a hub is asked: which commit a revision is at and which files it has, and the hash of each file. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { InputError } from '../../errors.ts';
import { asList, asMatching, asObject, asText, parseJson } from '../../fields.ts';
import { causeOf, type ResponseHeaders } from '../download.ts';
import { type HubReference, isSafe, type PinnedFile } from './reference.ts';
import type { HubSettings } from './settings.ts';

/** The hub cannot be reached, or fails: what is in the cache may serve instead. */
export class Unreachable extends InputError {}

export interface RequestOptions {
  settings: HubSettings;
  signal?: AbortSignal;
  /** Milliseconds before the first new attempt; each one after it waits twice as long. */
  retryAfter?: number;
}

/** A commit and the paths of its files. */
export interface CommitListing {
  commit: string;
  files: string[];
}

const ATTEMPTS = 4;
const MAX_PAUSE = 30_000;
/** Milliseconds without a response. */
const PATIENCE = 30_000;
const MAX_REDIRECTIONS = 5;
/** Bytes of a listing; that of a repository of ten thousand files has a tenth of it. */
const MAX_LISTING = 16 * 2 ** 20;
/** SHA-256 of large files, git's SHA-1 of small ones. */
const HASH = /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/;

/** @throws InputError where there is no such model or revision, or it may not be had; Unreachable */
export async function commitListing(
  reference: HubReference,
  options: RequestOptions,
): Promise<CommitListing> {
  const { repository, revision } = reference;
  const { endpoint } = options.settings;
  const address = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const { text } = await ask('GET', address, reference, options);
  const where = (name: string) => `${name} of ${address}`;
  const fields = asObject(parseJson(text, address), address);
  const files = asList(fields.siblings, where('siblings')).map((entry, index) => {
    const at = where(`siblings[${index}]`);
    return asText(asObject(entry, at).rfilename, `rfilename of ${at}`);
  });
  return {
    commit: asMatching(fields.sha, where('sha'), /^[0-9a-f]{40}$/, 'a commit of 40 hex digits'),
    files: files.filter(isSafe),
  };
}

/** The address of a file's bytes. */
export function fileAddress({ repository, commit, file }: PinnedFile, { endpoint }: HubSettings): string {
  return `${endpoint}/${repository}/resolve/${commit}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

/** SHA-256 or git's SHA-1 of a file. @throws as {@link commitListing} does */
export async function fileHash(pinned: PinnedFile, options: RequestOptions): Promise<string> {
  const address = fileAddress(pinned, options.settings);
  const { headers } = await ask(
    'HEAD',
    address,
    { repository: pinned.repository, revision: pinned.commit },
    options,
  );
  const tag = headers['x-linked-etag'] ?? headers.etag;
  const hash = String(tag ?? '')
    .replace(/^W\//, '')
    .replace(/^"|"$/g, '');
  if (!HASH.test(hash))
    throw new InputError(
      `Expected the SHA-256 or git hash of ${pinned.file} in the ETag of ${address} but received ${tag ? JSON.stringify(hash.slice(0, 80)) : 'none'}: check HF_ENDPOINT`,
    );
  return hash;
}

export function authorization({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

interface Reply {
  headers: ResponseHeaders;
  text: string;
}

async function ask(
  method: 'GET' | 'HEAD',
  address: string,
  reference: HubReference,
  options: RequestOptions,
): Promise<Reply> {
  const { settings, signal, retryAfter = 300 } = options;
  const dispatcher = new EnvHttpProxyAgent();
  let reason = '';
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let pause = retryAfter * 2 ** attempt;
      try {
        const { statusCode, headers, text } = await followed(method, address, options, dispatcher);
        const refused = refusalOf(statusCode, headers, reference, settings);
        if (refused) throw refused;
        if (statusCode < 400) return { headers, text };
        reason = `it responded with status ${statusCode}`;
        pause = Math.max(pause, Math.min(1000 * (Number(headers['retry-after']) || 0), MAX_PAUSE));
      } catch (thrown) {
        signal?.throwIfAborted();
        if (thrown instanceof InputError) throw thrown;
        reason = causeOf(thrown);
      }
      if (attempt < ATTEMPTS - 1) await wait(pause, undefined, { signal });
    }
  } finally {
    dispatcher.destroy().catch(() => {});
  }
  throw new Unreachable(`Cannot reach ${new URL(settings.endpoint).origin}: ${reason}`);
}

/** A response after redirections on the same server: those to another one lead to a file's bytes. */
async function followed(
  method: 'GET' | 'HEAD',
  start: string,
  { settings, signal }: RequestOptions,
  dispatcher: Dispatcher,
): Promise<Reply & { statusCode: number }> {
  let address = new URL(start);
  for (let step = 0; step <= MAX_REDIRECTIONS; step++) {
    const limits = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
    const { statusCode, headers, body } = await request(address.href, {
      method,
      dispatcher,
      signal: AbortSignal.any(limits),
      headers: { 'accept-encoding': 'identity', ...authorization(settings) },
    });
    const { location } = headers;
    const isRedirection = statusCode >= 300 && statusCode < 400 && typeof location === 'string';
    const next =
      isRedirection && URL.canParse(location, address.href) ? new URL(location, address) : undefined;
    if (!next || next.origin !== address.origin || headers['x-linked-etag'] !== undefined)
      return {
        statusCode,
        headers,
        text: method === 'GET' ? await textOf(body, start) : await emptied(body),
      };
    await emptied(body);
    address = next;
  }
  throw new Error(`it redirected more than ${MAX_REDIRECTIONS} times`);
}

async function emptied(body: Dispatcher.ResponseData['body']): Promise<string> {
  await body.dump();
  return '';
}

async function textOf(body: AsyncIterable<Buffer>, address: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_LISTING) throw new InputError(`Expected at most ${MAX_LISTING} bytes from ${address}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What a status says about a model; undefined for those that may pass, and for no refusal. */
export function refusalOf(
  status: number,
  headers: ResponseHeaders,
  { repository, revision }: HubReference,
  { endpoint, token }: HubSettings,
): InputError | undefined {
  if (status < 400 || status >= 500 || status === 408 || status === 429) return undefined;
  const page = `${endpoint}/${repository}`;
  const code = String(headers['x-error-code'] ?? '');
  if (code === 'RevisionNotFound')
    return new InputError(
      `Expected a branch, tag or commit of ${page} but it has no ${JSON.stringify(revision)}`,
    );
  if (code === 'EntryNotFound')
    return new InputError(`Expected a file of ${page} at ${revision} but the server no longer has it`);
  if (code === 'GatedRepo' || status === 403)
    return new InputError(
      `${page} may not be downloaded ${token ? 'with this HF_TOKEN' : 'without a token'}: accept its terms there, and set HF_TOKEN to a token of your account`,
    );
  if (status === 401 || status === 404)
    return new InputError(
      `There is no model ${repository} at ${endpoint}, or it is private: check its name${token ? ', and that HF_TOKEN may read it' : ', or set HF_TOKEN'}`,
    );
  return new InputError(`${page} cannot be read: the server responded with status ${status}`);
}
