/** The lines of a text that may be longer than memory. */
import type { Readable } from 'node:stream';
import { START_BYTES, type TextDecoding, type TextOptions, textDecoding } from '../encoding.ts';
import { InputError } from '../errors.ts';
import { diskError } from '../store/files.ts';

/** A line, or a row of quoted lines, beyond this many characters is no manifest's. */
export const MAX_ROW_CHARACTERS = 2 ** 20;
/** What a line of so many characters takes at most, in any encoding. */
const MAX_ROW_BYTES = 4 * MAX_ROW_CHARACTERS;

/**
 * The text of a stream, in pieces of whole lines. The stream is closed behind the last one that is read.
 * @param name of the text in messages
 * @throws InputError when it cannot be read or decoded, or has a line of more than {@link MAX_ROW_CHARACTERS}
 */
export async function* readText(
  name: string,
  stream: Readable,
  options: TextOptions,
): AsyncGenerator<string> {
  let decoding: TextDecoding | undefined;
  let rest = Buffer.alloc(0);
  const begin = (): TextDecoding => {
    const begun = textDecoding(name, rest.subarray(0, START_BYTES), options);
    rest = rest.subarray(begun.markLength);
    return begun;
  };
  for await (const piece of readable(name, stream)) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    if (!decoding && rest.length < START_BYTES) continue;
    decoding ??= begin();
    const end = decoding.lineEnd(rest);
    if (end > 0) {
      yield decoding.decode(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    if (rest.length > MAX_ROW_BYTES) throw longLine(name, decoding.lines + 1);
  }
  decoding ??= begin();
  if (rest.length > 0) yield decoding.decode(rest);
}

/**
 * The lines of a stream of text, without what ends them (`\n` or `\r\n`).
 * @throws as {@link readText} does
 */
export async function* readLines(
  name: string,
  stream: Readable,
  options: TextOptions = {},
): AsyncGenerator<string> {
  let line = 0;
  for await (const text of readText(name, stream, options)) {
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const one of lines) {
      line++;
      if (one.length > MAX_ROW_CHARACTERS) throw longLine(name, line);
      yield one.endsWith('\r') ? one.slice(0, -1) : one;
    }
  }
}

function longLine(name: string, line: number): InputError {
  return new InputError(
    `Expected lines of at most ${MAX_ROW_CHARACTERS} characters in ${name} but line ${line} is longer`,
  );
}

/** The pieces of a stream, whose failure is told as one of reading `name`. */
async function* readable(name: string, stream: Readable): AsyncGenerator<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<unknown>;
  try {
    for (;;) {
      const { done, value } = await pieces.next().catch((thrown: unknown) => {
        throw diskError('read', name, thrown);
      });
      if (done) return;
      yield typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
    }
  } finally {
    stream.destroy();
  }
}
