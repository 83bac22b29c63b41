/** The lines of a text that may be longer than memory. */
import type { Readable } from 'node:stream';
import { InputError } from '../errors.ts';
import { diskError } from '../store/files.ts';

/** A line, or a row of quoted lines, beyond this many characters is no manifest's. */
export const MOST_ROW_CHARACTERS = 2 ** 20;

/**
 * The lines of a stream of UTF-8 text, without what ends them (`\n` or `\r\n`). The stream is closed behind the last one
 * that is asked for.
 * @param name of the text in messages
 * @throws InputError when it cannot be read, or has a line of more than {@link MOST_ROW_CHARACTERS}
 */
export async function* readLines(name: string, stream: Readable): AsyncGenerator<string> {
  let line = 0;
  let rest = '';
  const check = (text: string): string => {
    line++;
    if (text.length > MOST_ROW_CHARACTERS)
      throw new InputError(
        `Expected lines of at most ${MOST_ROW_CHARACTERS} characters in ${name} but line ${line} is longer`,
      );
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  };
  const decoder = new TextDecoder();
  for await (const piece of readable(name, stream)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const text of lines) yield check(text);
    if (rest.length > MOST_ROW_CHARACTERS) check(rest);
  }
  rest += decoder.decode();
  if (rest !== '') yield check(rest);
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
