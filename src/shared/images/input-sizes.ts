/** One image at the sizes of several backbones. */
import { decodeImage } from './decode.ts';
import type { Note } from './depth.ts';
import { formatResize, type Resize, type Size } from './resize.ts';

/** The size that a backbone wants its images in, and how they get it. */
export interface InputSize {
  size: Size;
  resize: Resize;
}

/**
 * Decodes an image at each of the sizes; those that are the same share their pixels. Throws as decodeImage does.
 * @param note told once of what the pixels are not as they stand
 */
export async function decodeSizes(
  bytes: Buffer,
  sizes: readonly InputSize[],
  note?: Note,
): Promise<Uint8Array[]> {
  const decoded = new Map<string, Promise<Uint8Array>>();
  const notes = new Set<string>();
  const all = await Promise.all(
    sizes.map(({ size, resize }) => {
      const key = `${size.width}x${size.height} ${formatResize(resize)}`;
      const pixels = decoded.get(key) ?? decodeImage(bytes, size, resize, (text) => notes.add(text));
      decoded.set(key, pixels);
      return pixels;
    }),
  );
  for (const text of notes) note?.(text);
  return all;
}
