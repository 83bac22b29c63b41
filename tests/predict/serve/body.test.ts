/** Bodies that come in piece by piece: what is too large is not read to its end. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { imageOf } from '../../../src/predict/serve/body.ts';
import { createBodyMemory } from '../../../src/predict/serve/memory.ts';

const LIMIT = 1000;

/** A request of so many pieces of 100 bytes, and how many of them were asked for. */
function requestOf(pieces: number, headers: Record<string, string> = {}) {
  let read = 0;
  const stream = new Readable({
    highWaterMark: 100,
    read() {
      this.push(read++ < pieces ? Buffer.alloc(100, read) : null);
    },
  });
  const request = Object.assign(stream, { headers, complete: true }) as unknown as IncomingMessage;
  return { request, pieces: () => read };
}

const bodyWith = (room: number) => createBodyMemory(room).open();

it.each([0, 1, 10])('a body of %i pieces that fits is read whole, or said to be empty', async (pieces) => {
  const image = imageOf(requestOf(pieces).request, LIMIT, bodyWith(LIMIT));
  if (pieces === 0) await expect(image).rejects.toThrow('Expected an image as the body but received nothing');
  else expect(await image).toHaveLength(100 * pieces);
});

it('a body without end is refused as soon as it is longer than it may be', async () => {
  const { request, pieces } = requestOf(Number.POSITIVE_INFINITY);
  await expect(imageOf(request, LIMIT, bodyWith(5000))).rejects.toMatchObject({
    status: 413,
    message: 'Expected at most 1000 bytes',
  });
  expect(pieces()).toBeLessThan(15);
});

it('a body that says it is longer is refused before any of it is read', async () => {
  const { request, pieces } = requestOf(11, { 'content-length': '1100' });
  const refused = async () => imageOf(request, LIMIT, bodyWith(1e9));
  await expect(refused()).rejects.toMatchObject({ status: 413 });
  expect(pieces()).toBe(0);
});

it('a body that finds no room is refused for now', async () => {
  const refused = imageOf(requestOf(10).request, LIMIT, bodyWith(500));
  await expect(refused).rejects.toMatchObject({ status: 503 });
});
