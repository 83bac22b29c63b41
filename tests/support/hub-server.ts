/** A model hub on this machine, as far as downloads go: revisions, files, hashes, redirections to another server, and faults. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository of one commit, by path. */
export interface HubRepository {
  commit: string;
  files: Record<string, Buffer>;
  /** Needs this token. */
  token?: string;
  /** Answers 403 whatever the token. */
  isGated?: boolean;
}

export interface HubServer {
  endpoint: string;
  repositories: Record<string, HubRepository>;
  /** `METHOD PATH` of each request to the hub, `cdn PATH` of each to the server of large files. */
  requests: string[];
  /** Authorization of each request, in the same order. */
  tokens: (string | undefined)[];
  /** The first that returns true has answered; each is asked for every request. */
  faults: ((request: IncomingMessage, response: ServerResponse) => boolean)[];
  close(): Promise<void>;
}

/** Files from this size on are large ones: their hash is SHA-256, and they are on the other server. */
const LARGE = 1000;

export async function startHub(repositories: Record<string, HubRepository> = {}): Promise<HubServer> {
  const hub: HubServer = { endpoint: '', repositories, requests: [], tokens: [], faults: [], close };
  const record = (kind: string, request: IncomingMessage) => {
    hub.requests.push(`${kind} ${request.url}`);
    hub.tokens.push(request.headers.authorization);
  };
  const isFaulty = (request: IncomingMessage, response: ServerResponse) =>
    hub.faults.some((fault) => fault(request, response));
  const cdn = createServer((request, response) => {
    record('cdn', request);
    if (!isFaulty(request, response)) sendBytes(request, response, blobOf(hub, request.url ?? ''));
  });
  const server = createServer((request, response) => {
    record(request.method ?? '', request);
    if (!isFaulty(request, response)) answer(hub, addressOf(cdn), request, response);
  });
  await Promise.all([listen(cdn), listen(server)]);
  hub.endpoint = addressOf(server);
  async function close(): Promise<void> {
    for (const one of [server, cdn]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
  }
  return hub;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** SHA-256 of a large file, git's SHA-1 of a small one. */
export function hashOf(bytes: Buffer): string {
  if (bytes.length >= LARGE) return createHash('sha256').update(bytes).digest('hex');
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function blobOf({ repositories }: HubServer, url: string): Buffer {
  const files = Object.values(repositories).flatMap((repository) => Object.values(repository.files));
  return files.find((bytes) => url === `/${hashOf(bytes)}`) ?? Buffer.alloc(0);
}

function answer(hub: HubServer, cdn: string, request: IncomingMessage, response: ServerResponse): unknown {
  const [, api, name, revision, file] =
    /^\/(?:(api\/models)\/)?([\w.-]+\/[\w.-]+)\/(?:revision|resolve)\/([^/?]+)(?:\/([^?]+))?/.exec(
      request.url ?? '',
    ) ?? [];
  const repository = hub.repositories[name];
  const fail = (status: number, code: string) => {
    response.writeHead(status, { 'x-error-code': code }).end(JSON.stringify({ error: code }));
  };
  if (!repository) return fail(401, 'RepoNotFound');
  const { commit, files, token, isGated } = repository;
  if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
    return fail(401, 'GatedRepo');
  if (isGated) return fail(403, 'GatedRepo');
  if (![commit, 'main', 'v1'].includes(revision)) return fail(404, 'RevisionNotFound');
  if (api) {
    const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: name, sha: commit, siblings }));
  }
  const bytes = files[decodeURIComponent(file ?? '')];
  if (!bytes) return fail(404, 'EntryNotFound');
  const headers = { 'x-repo-commit': commit, etag: `"${hashOf(bytes)}"` };
  if (bytes.length < LARGE) return sendBytes(request, response, bytes, headers);
  return response
    .writeHead(302, {
      'x-repo-commit': commit,
      'x-linked-etag': `"${hashOf(bytes)}"`,
      'x-linked-size': bytes.length,
      location: `${cdn}/${hashOf(bytes)}`,
    })
    .end();
}

function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer, headers = {}): void {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isPart = from > 0 && from < bytes.length;
  const part = isPart ? bytes.subarray(from) : bytes;
  response.writeHead(isPart ? 206 : 200, {
    ...headers,
    'content-length': part.length,
    ...(isPart && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}
