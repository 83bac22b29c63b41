/** How many images are decoded before a backbone asks for them. */
import type { Size } from './resize.ts';

/** Images that wait decoded while the backbone is being compiled, at most: a fixed amount of memory. */
const MAX_DECODED = 512;
const MAX_DECODED_BYTES = 64 * 1024 * 1024;
/**
 * Batches that wait decoded from then on: enough for it never to wait, and few enough for what an image leaves behind to
 * be collected with the young. With hundreds that wait, the heap grows by 2 kB an image.
 */
const BATCHES_AHEAD = 4;

/**
 * While backbones are being compiled the other cores decode.
 * @param sizes of the pixels that one image becomes, one for each backbone
 */
export function imagesAhead(
  sizes: readonly Size[],
  { concurrency, batchSize, isCompiled }: { concurrency: number; batchSize: number; isCompiled: boolean },
): number {
  const imageBytes = sizes.reduce((sum, { width, height }) => sum + width * height * 3, 0);
  const affordable = Math.min(MAX_DECODED, Math.floor(MAX_DECODED_BYTES / imageBytes));
  const max = isCompiled ? Math.min(affordable, BATCHES_AHEAD * batchSize) : affordable;
  return Math.max(concurrency + batchSize, max);
}
