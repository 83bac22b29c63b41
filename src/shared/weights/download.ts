/** Fetches one file over HTTP: resumes where it was cut off, and what it leaves is whole and has the expected checksum. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { InputError, messageOf } from '../errors.ts';
import { type Reporter, silent } from '../reporter.ts';
import { diskError } from '../store/files.ts';
import { type Display, display } from './download-display.ts';

export interface DownloadOptions {
  address: string;
  /** Where the file belongs; beside it, `.part` holds what has come so far. */
  path: string;
  /** What it is called while it comes; default: the path. */
  label?: string;
  /** MD5 (32 digits), SHA-256 (64) or git's SHA-1 (40) of the file; without one only its length is checked. */
  hash?: string;
  /** Sent to the address's own server, and to none that it redirects to. */
  headers?: Readonly<Record<string, string>>;
  /** What a status from 400 on means, where the server says more than its number. */
  refusal?(status: number, headers: ResponseHeaders): InputError | undefined;
  signal?: AbortSignal;
  reporter?: Reporter;
  /** Milliseconds without a byte after which a connection is given up. */
  stallAfter?: number;
  /** Milliseconds before the first new attempt; each one after it waits twice as long. */
  retryAfter?: number;
}

/** Attempts in a row that bring nothing new before a download is given up. */
const FRUITLESS_ATTEMPTS = 4;
/** Milliseconds that a server is left alone at most, however long it wants. */
const MAX_PAUSE = 30_000;
/** Redirections that are followed. */
const MAX_REDIRECTIONS = 5;
/** No published weights come near it: what claims to be longer is something else. */
const MAX_BYTES = 4 * 2 ** 30;

/**
 * Downloads a file, through the proxies that the environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
 * @throws InputError when it is not to be had, or is not the requested file; the abort reason of `signal`
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { address, path, hash } = options;
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true }).catch((thrown) => {
    throw diskError('make', dirname(path), thrown);
  });
  // Without a checksum nothing would show that an earlier part is of another version of the file.
  if (!hash) await rm(part, { force: true });
  const startedWith = await sizeOf(part);
  await fetchAll(options, part);
  if (hash && !(await matches(part, hash))) {
    await rm(part, { force: true });
    // What an earlier run left may have been spoilt; what has just come in one piece is what the server has.
    if (startedWith > 0) return download(options);
    throw new InputError(
      `Expected a file with ${HASHES[hash.length].name} ${hash} at ${address} but received other content`,
    );
  }
  await rename(part, path);
}

/** By the number of hex digits; git hashes the length of a file before its bytes. */
const HASHES: Readonly<
  Record<number, { name: string; algorithm: string; prefix?: (bytes: number) => string }>
> = {
  32: { name: 'MD5', algorithm: 'md5' },
  40: { name: "git's SHA-1", algorithm: 'sha1', prefix: (bytes) => `blob ${bytes}\0` },
  64: { name: 'SHA-256', algorithm: 'sha256' },
};

/** Whether a file has a checksum, MD5, git's SHA-1 or SHA-256 by its length. */
export async function matches(path: string, hash: string): Promise<boolean> {
  const { algorithm, prefix } = HASHES[hash.length];
  const digest = createHash(algorithm);
  if (prefix) digest.update(prefix(await sizeOf(path)));
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest('hex') === hash;
}

/** What went wrong in one attempt; another one may go better. */
class Interruption extends Error {
  /** Milliseconds that the server wants to be left alone. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter = 0) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

async function fetchAll(options: DownloadOptions, part: string): Promise<void> {
  const { signal, reporter = silent, retryAfter = 300, address } = options;
  const dispatcher = new EnvHttpProxyAgent();
  const shown = display(reporter, options.label ?? options.path);
  let fruitless = 0;
  try {
    for (;;) {
      const before = await sizeOf(part);
      try {
        return await attempt(options, part, dispatcher, shown);
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof Interruption)) throw thrown;
        fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_ATTEMPTS)
          throw new InputError(`Cannot download ${address}: ${thrown.message}`);
        const pause = Math.max(retryAfter * 2 ** fruitless, Math.min(thrown.retryAfter, MAX_PAUSE));
        await wait(pause, undefined, { signal });
      }
    }
  } finally {
    shown.stop();
    // Not waited for: behind a proxy that hangs up it would not end.
    dispatcher.destroy().catch(() => {});
  }
}

/** One request for whatever is still missing, appended to `part`. */
async function attempt(
  options: DownloadOptions,
  part: string,
  dispatcher: EnvHttpProxyAgent,
  shown: Display,
): Promise<void> {
  const { address } = options;
  const have = await sizeOf(part);
  const { statusCode, headers, body } = await respond(options, have, dispatcher);
  const range = expectedRange(statusCode, headers, have);
  if (range === 'again' || range === 'refused') {
    body.on('error', () => {}).destroy();
    if (range === 'again') await rm(part, { force: true });
    // 4xx but for "too many requests" is final; 5xx and the rest may pass.
    if (range === 'refused' && statusCode >= 400 && statusCode < 500 && statusCode !== 429) {
      throw (
        options.refusal?.(statusCode, headers) ??
        new InputError(`Cannot download ${address}: the server responded with status ${statusCode}`)
      );
    }
    throw new Interruption(
      `the server responded with status ${statusCode}`,
      1000 * (wholeNumber(headers['retry-after']) ?? 0),
    );
  }
  const { from, total } = range;
  if (total !== undefined && total > MAX_BYTES) {
    body.on('error', () => {}).destroy();
    throw new InputError(`Cannot download ${address}: ${total} bytes are too many for a file of weights`);
  }
  shown.start(from, total);
  const end = await writeBody(body, part, { address, ...range }, shown);
  if (total !== undefined && end < total) throw new Interruption(`it ended after ${end} of ${total} bytes`);
}

/** The response to a request for the bytes from `have` on, redirections followed. */
async function respond(
  options: DownloadOptions,
  have: number,
  dispatcher: EnvHttpProxyAgent,
): Promise<Dispatcher.ResponseData> {
  const { origin } = new URL(options.address);
  let address = new URL(options.address);
  for (let step = 0; step <= MAX_REDIRECTIONS; step++) {
    const headers = {
      ...(address.origin === origin && options.headers),
      ...(have > 0 && { range: `bytes=${have}-` }),
    };
    const response = await requestOnce(address, headers, options, dispatcher);
    const { location } = response.headers;
    if (response.statusCode < 300 || response.statusCode >= 400 || typeof location !== 'string')
      return response;
    response.body.on('error', () => {}).destroy();
    if (!URL.canParse(location, address.href)) throw new Interruption('the server redirected to no address');
    address = new URL(location, address);
    if (!/^https?:$/.test(address.protocol)) throw new Interruption('the server redirected to no address');
  }
  throw new Interruption(`the server redirected more than ${MAX_REDIRECTIONS} times`);
}

function requestOnce(
  address: URL,
  headers: Record<string, string>,
  { signal, stallAfter = 30_000 }: DownloadOptions,
  dispatcher: EnvHttpProxyAgent,
): Promise<Dispatcher.ResponseData> {
  const stalled = new AbortController();
  // undici asks a proxy that hangs up again and again, for ever.
  const patience = setTimeout(() => stalled.abort(new Error('no answer')), stallAfter);
  return request(address.href, {
    dispatcher,
    signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    bodyTimeout: stallAfter,
    headers,
  })
    .catch((thrown) => {
      throw new Interruption(causeOf(thrown));
    })
    .finally(() => clearTimeout(patience));
}

/** Writes a response's body into `part` from the byte `from` on. @returns where it ended */
async function writeBody(
  body: AsyncIterable<Buffer>,
  part: string,
  { address, from, total }: Range & { address: string },
  shown: Display,
): Promise<number> {
  const file = await open(part, from === 0 ? 'w' : 'r+').catch((thrown) => {
    throw diskError('write', part, thrown);
  });
  let position = from;
  try {
    for await (const chunk of body) {
      await file.write(chunk, 0, chunk.length, position).catch((thrown) => {
        throw diskError('write', part, thrown);
      });
      position += chunk.length;
      shown.advance(chunk.length);
      if (position > (total ?? MAX_BYTES))
        throw new InputError(`Cannot download ${address}: it is longer than its Content-Length`);
    }
    await file.sync();
  } catch (thrown) {
    if (thrown instanceof InputError) throw thrown;
    throw new Interruption(`${causeOf(thrown)} after ${position} of ${total ?? 'unknown'} bytes`);
  } finally {
    await file.close();
  }
  return position;
}

/** The bytes that a response brings: from which one on, and how many the file has. */
interface Range {
  from: number;
  total: number | undefined;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What a response brings; `again` and `refused`: nothing of use. */
function expectedRange(status: number, headers: ResponseHeaders, have: number): Range | 'again' | 'refused' {
  const length = wholeNumber(headers['content-length']);
  if (status === 200) return { from: 0, total: length };
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range'])) ?? [];
    return Number(from) === have ? { from: have, total: Number(total) } : 'again';
  }
  // The part is as long as the file or longer: not a beginning of it, or all of it and never checked.
  if (status === 416 && have > 0) return 'again';
  return 'refused';
}

function wholeNumber(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined;
}

/** The innermost reason: undici wraps what the system says. */
export function causeOf(thrown: unknown): string {
  const { cause, errors } = thrown as { cause?: unknown; errors?: unknown[] };
  if (cause) return causeOf(cause);
  return Array.isArray(errors) && errors.length > 0 ? causeOf(errors[0]) : messageOf(thrown);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
