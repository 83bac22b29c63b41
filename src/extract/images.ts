/** Reads, hashes and decodes images: several at a time, handed on in the dataset's order. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import { messageOf } from '../shared/errors.ts';
import { decodeImage, type Size } from '../shared/images/decode.ts';
import type { DatasetImage } from './dataset/layout.ts';

/** What became of an image: decoded, known from its content, or not usable. */
export type ReadImage =
  | { image: DatasetImage; sha256: string; pixels: Uint8Array | null }
  | { image: DatasetImage; reason: string };

export interface ReadOptions {
  /** Pixels of the result. */
  size: Size;
  /** Images read and decoded at a time. */
  concurrency: number;
  /** Images that may be ready before they are asked for: what bounds the memory. */
  ahead: number;
  /** Whether the features of an image are there already, so that it need not be decoded (its pixels are null). */
  isKnown(sha256: string): boolean;
}

/** Reads images in order. An image that cannot be read is a result like any other. */
export async function* readImages(
  images: readonly DatasetImage[],
  { size, concurrency, ahead, isKnown }: ReadOptions,
): AsyncGenerator<ReadImage> {
  const limit = pLimit(concurrency);
  const underway: Promise<ReadImage>[] = [];
  let next = 0;
  const read = async (image: DatasetImage): Promise<ReadImage> => {
    try {
      const bytes = await readFile(image.file);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { image, sha256, pixels: isKnown(sha256) ? null : await decodeImage(bytes, size) };
    } catch (thrown) {
      return { image, reason: reasonOf(thrown) };
    }
  };
  while (next < images.length || underway.length > 0) {
    while (next < images.length && underway.length < ahead) {
      const image = images[next++];
      underway.push(limit(() => read(image)));
    }
    yield await underway.shift()!;
  }
}

/** The reason of a missing file. */
export const NO_SUCH_FILE = 'no such file';

/** Reasons of the file system, as short as those of decodeImage. */
const FILE_REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', NO_SUCH_FILE],
  ['EACCES', 'no permission to read it'],
  ['EISDIR', 'a folder, not a file'],
]);

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return FILE_REASONS.get(code) ?? messageOf(thrown);
}
