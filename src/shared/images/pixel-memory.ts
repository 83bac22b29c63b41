/**
 * Memory for the pixels of images that wait, used again and again. The memory that sharp decodes into is freed with the
 * object that holds it, and one that has waited for a while is only collected when half a minute's worth has gathered.
 */
export interface PixelMemory {
  /** A copy that stays as it is until it is released. */
  keep(pixels: Uint8Array): Uint8Array;
  release(pixels: Uint8Array): void;
}

/** No memory yet: it is made as it is needed. */
export function pixelMemory(): PixelMemory {
  const spare = new Map<number, Uint8Array[]>();
  return {
    keep(pixels) {
      const own = spare.get(pixels.length)?.pop() ?? new Uint8Array(pixels.length);
      own.set(pixels);
      return own;
    },
    release(pixels) {
      const free = spare.get(pixels.length);
      if (free) free.push(pixels);
      else spare.set(pixels.length, [pixels]);
    },
  };
}
