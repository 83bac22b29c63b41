/** Pixels of more than 8 bits, brought to 8 as a person would expect. */
import type { Metadata, Sharp } from 'sharp';
import { InputError } from '../errors.ts';
import type { ImageFormat } from './formats.ts';

/** What an image has that its reader should know; said once for all images of which it is true. */
export type Note = (text: string) => unknown;

export interface RawImage {
  data: Uint8Array;
  info: { width: number; height: number; channels: 1 | 2 | 3 | 4 };
}

/** Pixels that are in memory as they are stored, in up to 12 bytes each. */
const MAX_DEEP_PIXELS = 8192 * 8192;
/** Colour spaces whose samples are grey levels. */
const LEVEL_SPACES: readonly string[] = ['b-w', 'grey16', 'rgb16', 'srgb', 'scrgb', 'rgb'];
const SIGNED: readonly string[] = ['char', 'short', 'int'];
/** Floats that a few bits of noise may carry beyond 1, still far below 255. */
const UNIT_LIMIT = 16;
/** The share of floats that may be no grey levels at all, or below black. */
const MAX_OUTSIDE = 0.1;
const MAX_NEGATIVE = 0.01;

/** Whether an image has samples that must be brought to 8 bits here: libvips cuts off or shifts them, whatever they hold. */
export function isDeep(format: ImageFormat, { depth, space }: Metadata): boolean {
  return (format === 'TIFF' || format === 'PNG') && depth !== 'uchar' && LEVEL_SPACES.includes(space ?? '');
}

/**
 * Brings an image's samples to 8 bits. How many bits it uses follows from its largest sample: cameras and microscopes
 * store 8 or 12 bits in files of 16.
 * @throws InputError with the reason alone for samples that are no grey levels
 */
export async function toLevels(
  image: Sharp,
  { depth, space, width, height }: Metadata,
  note: Note,
): Promise<RawImage> {
  if (width * height > MAX_DEEP_PIXELS)
    throw new InputError('samples of more than 8 bits, and more pixels than the limit of 67 million');
  if (SIGNED.includes(depth)) await refuseNegative(image);
  const isFloat = depth === 'float';
  const native = image.pipelineColourspace(space).toColourspace(space).removeAlpha();
  const { data, info } = await native
    .raw({ depth: depth === 'ushort' ? 'ushort' : 'float' })
    .toBuffer({ resolveWithObject: true });
  const values =
    depth === 'ushort'
      ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
      : new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  const levels = isFloat ? floatLevels(values as Float32Array, note) : integerLevels(values, depth, note);
  return { data: levels, info: { ...info, channels: info.channels as 1 | 3 } };
}

async function refuseNegative(image: Sharp): Promise<void> {
  // Sharp cuts negative samples off before it hands them over.
  const { channels } = await image.clone().stats();
  const lowest = Math.min(...channels.map(({ min }) => min));
  const highest = Math.max(...channels.map(({ max }) => max));
  if (lowest >= 0) return;
  throw new InputError(
    `TIFF with samples from ${lowest} to ${highest}, which are not grey levels: save it with 8 or 16 bits, from black at 0`,
  );
}

/** Bits above black that samples of a depth have. */
const STORED_BITS: Readonly<Record<string, number>> = { char: 7, short: 15, ushort: 16, int: 31, uint: 32 };
/** Bits that cameras and microscopes store in wider samples. */
const USED_BITS = [8, 12, 16];
/** An image whose brightest sample has this many bits less than its depth is darker than any but a night's. */
const DARK_BITS = 2;

function integerLevels(values: Uint16Array | Float32Array, depth: string, note: Note): Uint8Array {
  let highest = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > highest) highest = values[i];
  const stored = STORED_BITS[depth];
  const used = USED_BITS.find((bits) => bits < stored && highest < 2 ** bits) ?? stored;
  if (highest > 0 && used < stored)
    note(`samples of ${stored} bits of which ${used} are used, read as ${used}-bit samples`);
  else if (highest > 0 && highest < 2 ** (stored - DARK_BITS))
    note(`samples of ${stored} bits, all of them in the darkest quarter`);
  const scale = 2 ** (8 - used);
  const levels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) levels[i] = values[i] * scale;
  return levels;
}

/** White of floats that hold the numbers of 8, 12 or 16 bits. */
const USED_TOPS = [255, 4095, 65_535];

/** Floats from 0 to 1, or to what integers hold; what lies outside is black or white. */
function floatLevels(values: Float32Array, note: Note): Uint8Array {
  let highest = 0;
  let outside = 0;
  let negative = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value >= 0 && value <= 65_535)) outside++;
    else if (value > highest) highest = value;
    if (value < 0 && value > Number.NEGATIVE_INFINITY) negative++;
  }
  const top = highest <= UNIT_LIMIT ? 1 : USED_TOPS.find((max) => highest <= max)!;
  const isAllNoNumber = outside === values.length && negative === 0;
  if (negative > values.length * MAX_NEGATIVE || (outside > values.length * MAX_OUTSIDE && !isAllNoNumber))
    throw new InputError(
      `TIFF with float samples of which ${outside} of ${values.length} are not grey levels from 0 to 65535: save it with 8 or 16 bits`,
    );
  if (outside > 0)
    note(
      'float samples that are not grey levels (not a number, negative, above 65535), read as black or white',
    );
  if (top !== 255) note(`float samples read as grey levels from 0 to ${top}`);
  const levels = new Uint8ClampedArray(values.length);
  const scale = 255 / top;
  for (let i = 0; i < values.length; i++) levels[i] = values[i] * scale;
  return new Uint8Array(levels.buffer);
}
