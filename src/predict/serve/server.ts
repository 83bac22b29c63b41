/** A small HTTP server around one head. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import pLimit from 'p-limit';
import { InputError, messageOf } from '../../shared/errors.ts';
import type { HeadRecord } from '../../shared/head/record.ts';
import type { Note } from '../../shared/images/depth.ts';
import { decodeSizes } from '../../shared/images/input-sizes.ts';
import { predictionObject } from '../formats.ts';
import type { LoadedHead, Prediction } from '../loaded-head.ts';
import { createBatcher } from './batcher.ts';
import { FORM_BYTES, imageOf } from './body.ts';
import { boundConnections } from './connections.ts';
import { type Body, createBodyMemory } from './memory.ts';
import { PAGE } from './page.ts';
import { Refusal } from './refusal.ts';
import { createSiteCheck } from './sites.ts';

export interface ServerOptions {
  record: HeadRecord;
  loadedHead: LoadedHead;
  /** Address that it will listen on. */
  host: string;
  /** Further names that it may be called by, and whose pages may send photos. */
  allowHosts: readonly string[];
  /** Largest image in bytes. */
  maxBytes: number;
  /** Bytes of all images that come in or wait to be decoded; beyond it requests get status 503. */
  maxTotalBytes: number;
  /** Images that may wait for their prediction; beyond it requests get status 503. */
  maxWaiting: number;
  /** Images in one run of a backbone. */
  batchSize: number;
  /** Images decoded at a time. */
  concurrency: number;
  /** Milliseconds in which a whole request must have come. */
  requestTimeout: number;
  /** Told of what should not happen. */
  warn(message: string): void;
}

/** Connections, for each image that may wait: a few hold requests that are only coming in. */
const CONNECTIONS = 4;

const SCRIPT_HASHES = [...PAGE.matchAll(/<(script|style)>([\s\S]*?)<\/\1>/g)].map(
  ([, tag, text]) => `${tag}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`,
);
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; connect-src 'self'; img-src blob:; ${SCRIPT_HASHES.join('; ')}`,
  'x-content-type-options': 'nosniff',
};

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** The server, not listening yet. Closing it lets requests that have come end. */
export function createPredictServer({ record, loadedHead, maxBytes, ...options }: ServerOptions): Server {
  const inputSizes = loadedHead.threads.map(({ description }) => description);
  const decoding = pLimit(options.concurrency);
  const batcher = createBatcher<Uint8Array[], Prediction>({
    batchSize: options.batchSize,
    max: options.maxWaiting,
    run: (images) => loadedHead.predict(images),
  });
  const memory = createBodyMemory(options.maxTotalBytes);
  const checkSite = createSiteCheck(options.host, options.allowHosts);
  /** Requests whose bodies are coming in: bounded by their bytes, so that a slow one takes nobody's place. */
  let receiving = 0;
  /** Images that have come as a whole and are decoded or wait for their prediction. */
  let waiting = 0;
  let served = 0;
  const busy = new Refusal(503, `Expected at most ${options.maxWaiting} images at a time: try again later`);

  const received = async (request: IncomingMessage, body: Body): Promise<Buffer> => {
    receiving++;
    try {
      const bytes = await imageOf(request, maxBytes + FORM_BYTES, body);
      if (bytes.length > maxBytes) throw new Refusal(413, `Expected at most ${maxBytes} bytes`);
      return bytes;
    } finally {
      receiving--;
    }
  };

  const predicted = async (request: IncomingMessage, body: Body, note: Note): Promise<Prediction> => {
    const bytes = await received(request, body);
    if (waiting >= options.maxWaiting) throw busy;
    waiting++;
    try {
      const pixels = await decoding(() => decodeSizes(bytes, inputSizes, note));
      body.close();
      return await (batcher.add(pixels) ?? Promise.reject(busy));
    } finally {
      waiting--;
    }
  };

  const predict: Handler = async (request, response) => {
    if (waiting >= options.maxWaiting) throw busy;
    const body = memory.open();
    try {
      const warnings: string[] = [];
      const { labels, probabilities } = predictionObject(
        { path: '', ...(await predicted(request, body, (text) => warnings.push(text))) },
        record.classes,
      );
      served++;
      send(response, 200, { labels, probabilities, ...(warnings.length > 0 && { warnings }) });
    } finally {
      body.close();
    }
  };

  const routes: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
    '/': { GET: (_, response) => void response.writeHead(200, PAGE_HEADERS).end(PAGE) },
    '/health': {
      GET(_, response) {
        const { task, classes } = record;
        send(response, 200, { status: 'ok', task, classes, receiving, waiting, served });
      },
    },
    '/predict': { POST: predict },
  };

  const handle: Handler = async (request, response) => {
    try {
      checkSite(request);
      const [path] = (request.url ?? '').split('?', 1);
      const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
      if (!route) throw new Refusal(404, `Expected one of ${Object.keys(routes).join(', ')}`);
      // Node leaves the body out of the response to HEAD.
      const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
      if (!Object.hasOwn(route, method)) {
        response.setHeader('allow', Object.keys(route).join(', '));
        throw new Refusal(405, `Expected ${Object.keys(route).join(', ')} for ${path}`);
      }
      await route[method](request, response);
    } catch (thrown) {
      refuse(request, response, thrown);
    }
  };

  const refuse = (request: IncomingMessage, response: ServerResponse, thrown: unknown): void => {
    if (response.destroyed || response.headersSent) return;
    const status = thrown instanceof Refusal ? thrown.status : thrown instanceof InputError ? 415 : 500;
    if (status === 500) options.warn(messageOf(thrown));
    if (status === 503) response.setHeader('retry-after', '1');
    // What is left of a body is not read: the connection ends with the response.
    if (!request.complete) response.setHeader('connection', 'close');
    send(response, status, { error: status === 500 ? 'Unexpected failure' : messageOf(thrown) });
    if (!request.complete) response.once('finish', () => request.destroy());
  };

  const server = createServer(
    {
      requestTimeout: options.requestTimeout,
      headersTimeout: Math.min(options.requestTimeout, 10_000),
      connectionsCheckingInterval: Math.min(options.requestTimeout, 1000),
      keepAliveTimeout: 5000,
    },
    (request, response) => void handle(request, response),
  );
  boundConnections(server, CONNECTIONS * options.maxWaiting);
  return server;
}

function send(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
    .end(`${JSON.stringify(body)}\n`);
}
