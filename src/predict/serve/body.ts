/** The image in a request: raw bytes, or the first file of a multipart form; never more than a limit. */
import type { IncomingMessage } from 'node:http';
import type { Body } from './memory.ts';
import { Refusal } from './refusal.ts';

/** Room in a multipart form for what is not the image. */
export const FORM_BYTES = 64 * 1024;

/**
 * @param body counts the bytes; it is the caller's to close
 * @throws Refusal for a body that is too large, cut short, holds no file, or finds no room
 */
export async function imageOf(request: IncomingMessage, maxBytes: number, body: Body): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  const bytes = await bodyOf(request, maxBytes, body);
  if (!/^multipart\/form-data/i.test(type)) {
    if (bytes.length === 0) throw new Refusal(400, 'Expected an image as the body but received nothing');
    return bytes;
  }
  let form: FormData;
  try {
    // Node's own parser of forms, which fetch() uses for responses.
    form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
  } catch {
    throw new Refusal(400, 'Expected a whole multipart form but received a damaged or truncated one');
  }
  for (const value of form.values())
    if (typeof value !== 'string') return Buffer.from(await value.arrayBuffer());
  throw new Refusal(400, 'Expected a file in the form but received none');
}

function bodyOf(request: IncomingMessage, maxBytes: number, body: Body): Promise<Buffer> {
  const tooLarge = new Refusal(413, `Expected at most ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (status: number, message: string): void => {
      request.off('data', take).pause();
      chunks.length = 0;
      reject(new Refusal(status, message));
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) fail(413, tooLarge.message);
      else if (body.add(chunk.length)) chunks.push(chunk);
      else fail(503, 'Expected fewer bytes at a time: try again later');
    };
    body.onEvict(() => fail(503, 'Expected the image without a pause: other requests needed its memory'));
    request
      .on('data', take)
      .once('end', () => {
        body.complete();
        resolve(Buffer.concat(chunks));
      })
      // A body that was cut short; its error says no more.
      .on('error', () => {})
      .once('close', () => {
        if (!request.complete) fail(400, 'Expected a whole body but it was cut short');
      });
  });
}
