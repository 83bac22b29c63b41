/** The image in a request: raw bytes, or the first file of a multipart form; never more than a limit. */
import type { IncomingMessage } from 'node:http';

/** A request that is refused, with the status and the words that tell why. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws Refusal for a body that is too large, cut short, or holds no file */
export async function imageOf(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  const bytes = await bodyOf(request, mostBytes);
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

async function bodyOf(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const tooLarge = new Refusal(413, `Expected at most ${mostBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > mostBytes) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal(400, 'Expected a whole body but it was cut short');
  }
  return Buffer.concat(chunks);
}
