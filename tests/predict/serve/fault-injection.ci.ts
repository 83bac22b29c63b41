/** Clients that hold connections or memory of `permafrost serve` lock nobody out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { photo } from '../../support/class-folders.ts';
import { newFolder } from '../../support/folders.ts';
import { writeRandomHead } from '../../support/random-head.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/permafrost.js', import.meta.url));
const head = join(newFolder(), 'best');
const sockets: Socket[] = [];
let server: ChildProcess;

beforeAll(async () => {
  await writeRandomHead(head);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.kill('SIGKILL');
});

async function start(...flags: string[]): Promise<string> {
  server = spawn(process.execPath, [PROGRAM, 'serve', '--head', head, '--port', '0', ...flags]);
  const [line] = await once(server.stdout!, 'data');
  return String(line).trim();
}

/** A connection that sends `text` and then nothing more. */
async function stalled(url: string, text: string | Uint8Array): Promise<{ received(): string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return { received: () => received };
}

const send = async (url: string): Promise<Response> =>
  fetch(`${url}/predict`, { method: 'POST', body: new Uint8Array(await photo(1)) });

const POST = (length: number) =>
  `POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

it.each([
  ['nothing', ''],
  ['the beginning of a header', 'GET / HT'],
  ['headers alone', POST(5000)],
  ['a bit of a body', `${POST(5000)}abc`],
])('%s on many connections', async (_, text) => {
  const url = await start('--max-waiting', '2');
  for (let i = 0; i < 40; i++) await stalled(url, text);
  await sleep(300);
  for (let i = 0; i < 3; i++) expect((await send(url)).status).toBe(200);
});

it('bodies that fill the memory', async () => {
  const url = await start('--max-bytes', '1MB', '--max-total-bytes', '2MB');
  const most = Buffer.concat([Buffer.from(POST(1_000_000)), Buffer.alloc(990_000)]);
  for (let i = 0; i < 2; i++) await stalled(url, most);
  await sleep(200);
  const late = await stalled(url, most);
  await expect.poll(late.received).toContain('503');
  expect(late.received()).toMatch(/retry-after: 1/i);
  expect(late.received()).toContain('Expected fewer bytes at a time');
  // Stalled bodies give way.
  await sleep(1000);
  const pushy = await stalled(url, most);
  await sleep(300);
  expect(pushy.received()).toBe('');
  expect((await send(url)).status).toBe(200);
});

it.each([
  [['--max-total-bytes', '10MB'], 'Expected at least --max-bytes and 64 KB for a form for --max-total-bytes'],
  [['--allow-host', 'a/b'], 'for --allow-host but received "a/b"'],
])('%j is refused', async (flags, message) => {
  server = spawn(process.execPath, [PROGRAM, 'serve', '--head', head, ...flags]);
  let errors = '';
  server.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  expect(await once(server, 'exit')).toEqual([2, null]);
  expect(errors).toContain(message);
});
