/** `permafrost serve` as it is installed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { writeRandomHead } from '../support/random-head.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
const root = newFolder();
const head = join(root, 'best');
let photo: Buffer;
let url = '';
let server: ChildProcess;
let errors = '';

async function start(...flags: string[]): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--head', head, '--port', '0', ...flags]);
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [line] = await once(child.stdout, 'data');
  return { child, address: String(line).trim() };
}

beforeAll(async () => {
  await writeRandomHead(head);
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 40 };
  photo = await sharp({ create: { width: 120, height: 90, channels: 3, background: 'red', noise } })
    .jpeg()
    .toBuffer();
  ({ child: server, address: url } = await start(
    '--max-bytes',
    '1MB',
    '--timeout',
    '2',
    '--max-waiting',
    '64',
    '--allow-host',
    'photos.example.org',
  ));
});

afterAll(async () => {
  if (server.exitCode === null) server.kill('SIGKILL');
});

type Body = string | Uint8Array<ArrayBuffer> | FormData;
const post = (body: Body, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/predict`, { method: 'POST', body, headers });
const raw = (bytes: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

interface Prediction {
  labels: string[];
  probabilities: Record<string, number>;
}

describe('serve', () => {
  it('predicts raw bytes and forms as predict does', async () => {
    expect(new URL(url).hostname).toBe('127.0.0.1');
    const file = join(root, 'photo.jpg');
    writeFileSync(file, photo);
    const predicted = await permafrost(['predict', '--head', head, file, '--json']);
    const [{ labels, probabilities }] = predicted.summary.predictions as Prediction[];
    const form = new FormData();
    form.append('note', 'first');
    form.append('image', new Blob([raw(photo)]), 'photo.jpg');
    for (const body of [raw(photo), form]) {
      const response = await post(body);
      expect(response.status).toBe(200);
      const prediction = (await response.json()) as Prediction;
      expect(prediction.labels).toEqual(labels);
      for (const [name, p] of Object.entries(probabilities))
        expect(prediction.probabilities[name]).toBeCloseTo(p, 4);
    }
  });

  it('has a health route and a page that asks no other host for anything', async () => {
    const health = await (await fetch(`${url}/health`)).json();
    expect(health).toMatchObject({
      status: 'ok',
      classes: ['red', 'green <b>', 'blue'],
      receiving: 0,
      waiting: 0,
    });
    const page = await fetch(`${url}/`);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'.*script-src 'sha256-/);
    const html = await page.text();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toContain('innerHTML');
  });

  /** Status of a request with headers that fetch does not let through. */
  const statusOf = (method: string, path: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const call = request(`${url}${path}`, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on('error', reject);
      call.end(method === 'POST' ? photo : undefined);
    });

  it.each([
    [200, { host: 'localhost' }],
    [200, { host: 'LOCALHOST.:8765' }],
    [200, { host: '[::1]:1' }],
    [200, { host: 'photos.example.org' }],
    [403, { host: 'example.org' }],
    [403, { host: 'localhost.example.org' }],
    [403, { host: '127.0.0.2' }],
    [403, { host: '192.168.1.7' }],
    [403, { host: 'localhost@example.org' }],
  ])('answers %i where the Host is %j', async (status, headers) => {
    expect(await statusOf('GET', '/health', headers)).toBe(status);
    expect(await statusOf('POST', '/predict', headers)).toBe(status);
  });

  it('takes photos from its own page and from allowed hosts alone', async () => {
    const { port } = new URL(url);
    const sent = (headers: Record<string, string>) => statusOf('POST', '/predict', headers);
    expect(await sent({ origin: url, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await sent({ origin: `http://localhost:${port}` })).toBe(200);
    expect(await sent({ origin: 'https://photos.example.org', 'sec-fetch-site': 'cross-site' })).toBe(200);
    expect(await sent({ 'sec-fetch-site': 'none' })).toBe(200);
    expect(await sent({ origin: 'https://example.org' })).toBe(403);
    expect(await sent({ origin: `https://example.org:${port}`, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await sent({ origin: 'http://localhost:1' })).toBe(403);
    expect(await sent({ origin: `file://localhost:${port}` })).toBe(403);
    expect(await sent({ origin: 'null' })).toBe(403);
    expect(await sent({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    // A link from another site opens the page.
    expect(await statusOf('GET', '/', { 'sec-fetch-site': 'cross-site' })).toBe(200);
  });

  it('answers 40 requests at once', async () => {
    const predictions = await Promise.all(Array.from({ length: 40 }, () => post(raw(photo))));
    const bodies = await Promise.all(predictions.map((response) => response.text()));
    expect(predictions.map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(new Set(bodies).size).toBe(1);
  });

  it('refuses what is no image with a status of its own, and goes on', async () => {
    const status = async (body: Body, headers?: Record<string, string>): Promise<number> =>
      (await post(body, headers)).status;
    expect(await status('just some words')).toBe(415);
    expect(await status(raw(photo.subarray(0, photo.length / 2)))).toBe(415);
    expect(await status('')).toBe(400);
    expect(await status(new FormData())).toBe(400);
    expect(await status('--b\r\nContent-Dis', { 'content-type': 'multipart/form-data; boundary=b' })).toBe(
      400,
    );
    expect(await status('words', { 'content-type': 'multipart/form-data' })).toBe(400);
    expect((await fetch(`${url}/predict`)).status).toBe(405);
    expect((await fetch(`${url}/health`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}/constructor`)).status).toBe(404);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('refuses bodies that are too large, whether they say so or not', async () => {
    const large = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const call = request(`${url}/predict`, { method: 'POST', headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        let answered = false;
        call.on('response', () => {
          answered = true;
        });
        call.on('error', (error) => (answered ? undefined : reject(error)));
        if ('content-length' in headers) call.flushHeaders();
        else call.end(Buffer.alloc(1_300_000));
      });
    expect(await large({ 'content-length': '900000000' })).toBe(413);
    expect(await large({ 'transfer-encoding': 'chunked' })).toBe(413);
    expect((await post(raw(photo))).status).toBe(200);
  });

  it('ends requests that only trickle in with status 408', async () => {
    const { port } = new URL(url);
    const trickle = async (start: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(start);
      const drip = setInterval(() => socket.write('x'), 200);
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
        clearInterval(drip);
      });
      // A drop that crosses the answer resets the connection, which is closed all the same.
      socket.on('error', () => {});
      await new Promise((closed) => socket.on('close', closed));
      clearInterval(drip);
      return received;
    };
    const [headers, body] = await Promise.all([
      trickle('POST /predict HTTP/1.1\r\nHost: a\r\nX-A: '),
      trickle('POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n'),
    ]);
    expect(headers).toContain('408');
    expect(body).toContain('408');
    expect((await post(raw(photo))).status).toBe(200);
  });

  it('turns away what its queue cannot hold', async () => {
    const { child, address } = await start('--max-waiting', '2', '--batch-size', '1');
    const calls = Array.from({ length: 8 }, () =>
      fetch(`${address}/predict`, { method: 'POST', body: raw(photo) }).then(({ status }) => status),
    );
    const statuses = await Promise.all(calls);
    expect(statuses).toContain(200);
    expect(statuses).toContain(503);
    expect(new Set(statuses).size).toBe(2);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('finishes what has come before it ends', async () => {
    const headers = { 'content-length': String(photo.length) };
    const calls = Array.from({ length: 3 }, () => request(`${url}/predict`, { method: 'POST', headers }));
    const statuses = calls.map(
      (call) =>
        new Promise((resolve, reject) => {
          call.on('error', reject).on('response', (response) => {
            response.resume();
            resolve(response.statusCode);
          });
        }),
    );
    for (const call of calls) call.write(photo.subarray(0, 100));
    const receiving = async () =>
      ((await (await fetch(`${url}/health`)).json()) as { receiving: number }).receiving;
    while ((await receiving()) < calls.length);
    server.kill('SIGTERM');
    await vi.waitFor(() => expect(errors.split('Finishing the requests').length).toBe(3));
    for (const call of calls) call.end(photo.subarray(100));
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(server.exitCode ?? (await once(server, 'exit'))[0]).toBe(0);
    expect(errors).not.toMatch(STACK_TRACE);
  });
});
