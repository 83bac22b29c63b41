/** A small HTTP server around one head. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { InputError, messageOf } from '../../shared/errors.ts';
import type { HeadRecord } from '../../shared/head/record.ts';
import { predictionObject } from '../formats.ts';
import { boundConnections } from './connections.ts';
import { PAGE } from './page.ts';
import { createPhotoQueue, type PhotoQueue, type PhotoQueueOptions } from './photo-queue.ts';
import { Refusal } from './refusal.ts';
import { createSiteCheck } from './sites.ts';

export interface ServerOptions extends PhotoQueueOptions {
  record: HeadRecord;
  /** Address that it will listen on. */
  host: string;
  /** Further names that it may be called by, and whose pages may send photos. */
  allowHosts: readonly string[];
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
export function createPredictServer({ record, host, allowHosts, warn, ...options }: ServerOptions): Server {
  const checkSite = createSiteCheck(host, allowHosts);
  const routes = routesOf(record, createPhotoQueue(options));
  const handle: Handler = async (request, response) => {
    try {
      checkSite(request);
      await handlerOf(routes, request, response)(request, response);
    } catch (thrown) {
      refuse(request, response, thrown, warn);
    }
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

/** By path and method. */
type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

function routesOf({ task, classes }: HeadRecord, queue: PhotoQueue): Routes {
  let served = 0;
  return {
    '/': { GET: (_, response) => void response.writeHead(200, PAGE_HEADERS).end(PAGE) },
    '/health': {
      GET(_, response) {
        const { receiving, waiting } = queue;
        send(response, 200, { status: 'ok', task, classes, receiving, waiting, served });
      },
    },
    '/predict': {
      async POST(request, response) {
        const warnings: string[] = [];
        const prediction = await queue.predict(request, (text) => warnings.push(text));
        const { labels, probabilities } = predictionObject({ path: '', ...prediction }, classes);
        served++;
        send(response, 200, { labels, probabilities, ...(warnings.length > 0 && { warnings }) });
      },
    },
  };
}

/** @throws Refusal where there is none */
function handlerOf(routes: Routes, request: IncomingMessage, response: ServerResponse): Handler {
  const [path] = (request.url ?? '').split('?', 1);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) throw new Refusal(404, `Expected one of ${Object.keys(routes).join(', ')}`);
  // Node leaves the body out of the response to HEAD.
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  if (!Object.hasOwn(route, method)) {
    response.setHeader('allow', Object.keys(route).join(', '));
    throw new Refusal(405, `Expected ${Object.keys(route).join(', ')} for ${path}`);
  }
  return route[method];
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  warn: ServerOptions['warn'],
): void {
  if (response.destroyed || response.headersSent) return;
  const status = thrown instanceof Refusal ? thrown.status : thrown instanceof InputError ? 415 : 500;
  if (status === 500) warn(messageOf(thrown));
  if (status === 503) response.setHeader('retry-after', '1');
  // What is left of a body is not read: the connection ends with the response.
  if (!request.complete) response.setHeader('connection', 'close');
  send(response, status, { error: status === 500 ? 'Unexpected failure' : messageOf(thrown) });
  if (!request.complete) response.once('finish', () => request.destroy());
}

function send(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
    .end(`${JSON.stringify(body)}\n`);
}
