/** One image at the sizes of several backbones. */
import { decodeImage } from './decode.ts';
import { formatResize, type Resize, type Size } from './resize.ts';

/** How a backbone wants its images. */
export interface Frame {
  size: Size;
  resize: Resize;
}

/** Decodes an image for each of the frames; those that are the same share their pixels. Throws as decodeImage does. */
export async function decodeFrames(bytes: Buffer, frames: readonly Frame[]): Promise<Uint8Array[]> {
  const decoded = new Map<string, Promise<Uint8Array>>();
  return Promise.all(
    frames.map(({ size, resize }) => {
      const key = `${size.width}x${size.height} ${formatResize(resize)}`;
      const pixels = decoded.get(key) ?? decodeImage(bytes, size, resize);
      decoded.set(key, pixels);
      return pixels;
    }),
  );
}
