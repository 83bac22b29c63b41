/** Reads and decodes image files: several at a time, handed on in the order they were given in. */
import pLimit from 'p-limit';
import { messageOf } from '../errors.ts';

/** What became of an image: something made of its bytes, or the reason why it cannot be used. */
export type ReadImage<I, T> = { image: I; result: T } | { image: I; reason: string };

export interface ReadOptions<I, T> {
  /** Images read and decoded at a time. */
  concurrency: number;
  /** Images that may be ready before they are needed: what bounds the memory. Looked at anew for each image. */
  readonly ahead: number;
  /** What the store has of an image, which is not read then. */
  stored?(image: I): Promise<T | undefined>;
  /** The bytes of an image's file. */
  read(image: I): Promise<Buffer>;
  /** Turns a file's bytes into what is wanted; the message of what it throws is the reason. */
  decode(bytes: Buffer, image: I): Promise<T>;
}

/** Reads images in order. An image that cannot be read is a result like any other. */
export async function* readImages<I, T>(
  images: readonly I[],
  options: ReadOptions<I, T>,
): AsyncGenerator<ReadImage<I, T>> {
  const { concurrency, stored, read: bytesOf, decode } = options;
  const limit = pLimit(concurrency);
  const underway: Promise<ReadImage<I, T>>[] = [];
  let next = 0;
  const read = async (image: I): Promise<ReadImage<I, T>> => {
    try {
      const result = (await stored?.(image)) ?? (await decode(await bytesOf(image), image));
      return { image, result };
    } catch (thrown) {
      return { image, reason: reasonOf(thrown) };
    }
  };
  try {
    while (next < images.length || underway.length > 0) {
      while (next < images.length && underway.length < options.ahead) {
        const image = images[next++];
        underway.push(limit(() => read(image)));
      }
      yield await underway.shift()!;
    }
  } finally {
    // Whoever stops asking need not wait for images that wait their turn.
    limit.clearQueue();
  }
}

/** The reason of a missing file. */
export const NO_SUCH_FILE = 'no such file';

/** Reasons of the file system, as short as those of decodeImage. */
const FILE_REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', NO_SUCH_FILE],
  ['EACCES', 'no permission to read it'],
  ['EISDIR', 'a folder, not a file'],
  ['ENOTDIR', NO_SUCH_FILE],
  ['ENAMETOOLONG', NO_SUCH_FILE],
  ['ERR_INVALID_ARG_VALUE', NO_SUCH_FILE],
]);

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return FILE_REASONS.get(code) ?? messageOf(thrown);
}
