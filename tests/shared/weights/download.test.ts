/** Downloads from a real HTTP server on this machine that behaves as badly as servers do. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { type DownloadOptions, download } from '../../../src/shared/weights/download.ts';
import { fetchPublished, findPublished, weightsFolder } from '../../../src/shared/weights/published.ts';
import { newFolder } from '../../support/folders.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const CONTENT = randomBytes(300_000);
const MD5 = createHash('md5').update(CONTENT).digest('hex');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const ENVIRONMENT = [
  'PERMAFROST_WEIGHTS_URL',
  'XDG_CACHE_HOME',
  'LOCALAPPDATA',
  'KERAS_HOME',
  'HOME',
  'HTTP_PROXY',
  'http_proxy',
  'NO_PROXY',
  'no_proxy',
];

let folder: string;
let path: string;
let server: Server;
let address: string;
/** What the server does with each request, the last one for all that follow. */
let answers: Answer[];
let requests: IncomingMessage[];
const saved = Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]]));

beforeEach(async () => {
  folder = newFolder();
  path = join(folder, 'weights', 'file.h5');
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    answers[Math.min(requests.length, answers.length) - 1](response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/published.h5`;
  for (const name of ENVIRONMENT) delete process.env[name];
  Object.assign(process.env, {
    XDG_CACHE_HOME: folder,
    LOCALAPPDATA: folder,
    HOME: folder,
    KERAS_HOME: folder,
  });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** As a well-behaved server answers, ranges included. */
const well: Answer = (response, request) => {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined)
    return void response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
  const start = Number(from);
  if (start >= CONTENT.length) return void response.writeHead(416).end();
  response
    .writeHead(206, {
      'content-length': CONTENT.length - start,
      'content-range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`,
    })
    .end(CONTENT.subarray(start));
};

/** Answers a range or a whole request with the first `bytes` of what was asked for, then breaks the connection. */
const cutAfter =
  (bytes: number): Answer =>
  (response, request) => {
    const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': CONTENT.length - start,
      ...(start > 0 && { 'content-range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` }),
    });
    // A moment for the client to read what came: what it has not read when the connection ends is lost to it.
    response.write(CONTENT.subarray(start, start + bytes), () =>
      setTimeout(() => response.socket?.end(), 100),
    );
  };

const status =
  (code: number): Answer =>
  (response) =>
    void response.writeHead(code).end('no');

const quick = (options: Partial<DownloadOptions> = {}): Promise<void> =>
  download({ address, path, hash: MD5, stallAfter: 300, retryAfter: 5, ...options });

const expectWhole = (): void => {
  expect(readFileSync(path).equals(CONTENT)).toBe(true);
  expect(existsSync(`${path}.part`)).toBe(false);
};

describe('a download', () => {
  it.each([
    ['MD5', MD5],
    ['SHA-256', SHA256],
    ['no checksum', undefined],
  ])('is whole, with %s', async (_, hash) => {
    answers = [well];
    await quick({ hash });
    expectWhole();
  });

  it('goes on where it was cut off, as often as it takes while something comes', async () => {
    answers = [
      cutAfter(50_000),
      cutAfter(60_000),
      cutAfter(70_000),
      cutAfter(40_000),
      cutAfter(10_000),
      well,
    ];
    await quick();
    expectWhole();
    expect(requests).toHaveLength(6);
    const starts = requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts[5]).toBeGreaterThan(0);
  });

  it('goes on after a server that stalls', async () => {
    answers = [
      (response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 1000));
      },
      () => {},
      well,
    ];
    await quick();
    expectWhole();
    expect(requests).toHaveLength(3);
  });

  it('goes on with what an earlier run left', async () => {
    answers = [cutAfter(100_000), status(503)];
    await expect(quick()).rejects.toThrow(InputError);
    expect(readFileSync(`${path}.part`)).toHaveLength(100_000);
    answers = [well];
    requests = [];
    await quick();
    expectWhole();
    expect(requests[0].headers.range).toBe('bytes=100000-');
  });

  it('starts anew when what an earlier run left is spoilt, or when there is no checksum to tell', async () => {
    answers = [well];
    await quick();
    for (const hash of [MD5, undefined]) {
      rmSync(path);
      writeFileSync(`${path}.part`, Buffer.alloc(1000));
      await quick({ hash });
      expectWhole();
    }
    writeFileSync(`${path}.part`, Buffer.alloc(CONTENT.length + 1));
    await quick();
    expectWhole();
  });

  it('does without ranges where the server knows none', async () => {
    const whole: Answer = (response) => void response.writeHead(200).end(CONTENT);
    answers = [cutAfter(1000), whole];
    await quick();
    expectWhole();
  });

  it('starts anew when a server gives another range than asked for', async () => {
    const wrong: Answer = (response) =>
      void response.writeHead(206, { 'content-range': 'bytes 5-9/300000', 'content-length': 5 }).end('wrong');
    answers = [cutAfter(1000), wrong, well];
    await quick();
    expectWhole();
  });

  it('is refused when it is not what was published', async () => {
    answers = [(response) => void response.end('<html>log in to this network</html>')];
    await expect(quick()).rejects.toThrow(
      `Expected a file with MD5 ${MD5} at ${address} but received other content`,
    );
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  it.each([
    ['more than it sends', 400_000, /Cannot download .* of 400000 bytes/],
    ['less than it sends', 200_000, /Expected a file with MD5/],
    ['more than weights have', 2 ** 40, /1099511627776 bytes are too many for a file of weights/],
  ])('is refused when the server says %s', async (_, length, message) => {
    answers = [
      (response) => {
        response.on('error', () => {});
        response.strictContentLength = false;
        response.writeHead(200, { 'content-length': length });
        response.write(CONTENT, () => response.socket?.end());
      },
    ];
    await expect(quick()).rejects.toThrow(message);
    expect(existsSync(path)).toBe(false);
  });

  it('is given up at once when the server has no such file, later when it is merely unwell', async () => {
    answers = [status(404)];
    await expect(quick()).rejects.toThrow(`Cannot download ${address}: the server responded with status 404`);
    expect(requests).toHaveLength(1);
    answers = [status(500)];
    await expect(quick()).rejects.toThrow('the server responded with status 500');
    expect(requests).toHaveLength(5);
  });

  it('ends when it is interrupted, and keeps what has come', async () => {
    const abort = new AbortController();
    answers = [
      (response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 5000));
        setTimeout(() => abort.abort(new Error('interrupted')), 100);
      },
    ];
    await expect(quick({ signal: abort.signal, stallAfter: 10_000 })).rejects.toThrow('interrupted');
    expect(readFileSync(`${path}.part`)).toHaveLength(5000);
  });

  it('goes through the proxy that the environment names', async () => {
    answers = [well];
    process.env.HTTP_PROXY = new URL('/', address).href;
    let requestedRange: string | undefined;
    server.on('connect', (request, socket) => {
      requestedRange = request.url;
      const inside = connect(Number(new URL(address).port), '127.0.0.1');
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      inside.pipe(socket).pipe(inside);
    });
    await quick({ address: 'http://weights.invalid/published.h5' });
    expectWhole();
    expect(requestedRange).toBe('weights.invalid:80');
  });
});

describe('a published file', () => {
  const published = () => ({ file: 'net.h5', address: 'http://127.0.0.1:9/net.h5', hash: MD5 });

  it('comes from the mirror, once for all who want it at the same time', async () => {
    process.env.PERMAFROST_WEIGHTS_URL = `${new URL('/', address).href}mirror/`;
    answers = [(response, request) => void setTimeout(() => well(response, request), 100)];
    const paths = await Promise.all([1, 2, 3].map(() => fetchPublished(published())));
    expect(new Set(paths)).toEqual(new Set([join(weightsFolder(), 'net.h5')]));
    expect(readFileSync(paths[0]).equals(CONTENT)).toBe(true);
    expect(requests.map(({ url }) => url)).toEqual(['/mirror/net.h5']);
  });

  it("is taken from Keras's own downloads if its checksum is right", async () => {
    answers = [well];
    const kept = join(folder, 'models', 'net.h5');
    await download({ address, path: kept, hash: MD5 });
    expect(await findPublished(published())).toBe(kept);
    expect(await findPublished({ ...published(), hash: SHA256.replace(/^./, 'x') })).toBeUndefined();
    expect(await findPublished({ file: 'net.h5', address })).toBeUndefined();
  });

  it('that cannot be had is named, with its address and where to put it', async () => {
    answers = [status(404)];
    process.env.PERMAFROST_WEIGHTS_URL = new URL('/', address).href;
    const failed = fetchPublished(published());
    await expect(failed).rejects.toThrow(InputError);
    await expect(failed).rejects.toThrow(
      `Get net.h5 from http://127.0.0.1:9/net.h5 on another machine and put it at ${join(weightsFolder(), 'net.h5')}, pass --weights FILE`,
    );
  });
});
