/** The first frame of a GIF file, decoded here: libvips drops the colour of transparent pixels and takes lost ones for black. */
import { setImmediate as rest } from 'node:timers/promises';
import { InputError } from '../errors.ts';
import { MAX_PIXELS } from './formats.ts';
import type { Pixels } from './interpolate.ts';

const MAX_CODES = 4096;
/** Codes or pixels between two rests: other work waits no longer than some milliseconds. */
const AT_ONCE = 1 << 18;

const truncated = () => new InputError('truncated GIF');

interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  isInterlaced: boolean;
  palette: Buffer;
  /** Where the compressed pixels begin. */
  start: number;
}

/**
 * Decodes the first frame onto its canvas as Pillow does: transparent pixels keep the colour of the palette, and what the
 * frame does not cover has the colour of the background.
 * @throws InputError with the reason alone when it is damaged or ends early
 */
export async function decodeGif(bytes: Buffer): Promise<Pixels> {
  if (bytes.length < 13) throw truncated();
  const [width, height, flags, background] = [
    bytes.readUInt16LE(6),
    bytes.readUInt16LE(8),
    bytes[10],
    bytes[11],
  ];
  const palette = paletteAt(bytes, 13, flags);
  const frame = findFrame(bytes, 13 + palette.length, palette);
  const canvas = {
    width: Math.max(width, frame.left + frame.width),
    height: Math.max(height, frame.top + frame.height),
  };
  if (canvas.width * canvas.height > MAX_PIXELS)
    throw new InputError('GIF of more pixels than the limit of 268 million');
  const indices = await unpack(bytes, frame);
  const data = new Uint8Array(canvas.width * canvas.height * 3);
  const isWhole = frame.width === canvas.width && frame.height === canvas.height;
  if (!isWhole) fill(data, palette, background);
  await paint(data, canvas.width, frame, indices);
  return { data, ...canvas, channels: 3 };
}

/** The palette at `start`, or none where the flags say so. */
function paletteAt(bytes: Buffer, start: number, flags: number): Buffer {
  const length = flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
  if (start + length > bytes.length) throw truncated();
  return bytes.subarray(start, start + length);
}

function findFrame(bytes: Buffer, start: number, palette: Buffer): Frame {
  let offset = start;
  while (bytes[offset] === 0x21) offset = blocksEnd(bytes, offset + 2);
  if (offset + 10 > bytes.length) throw truncated();
  if (bytes[offset] !== 0x2c) throw new InputError('damaged GIF (no frame)');
  const [left, top, width, height] = [1, 3, 5, 7].map((byte) => bytes.readUInt16LE(offset + byte));
  const flags = bytes[offset + 9];
  const local = paletteAt(bytes, offset + 10, flags);
  if (width === 0 || height === 0) throw new InputError('damaged GIF (a frame without pixels)');
  return {
    left,
    top,
    width,
    height,
    isInterlaced: (flags & 0x40) !== 0,
    palette: local.length > 0 ? local : palette.length > 0 ? palette : GREYS,
    start: offset + 10 + local.length,
  };
}

const GREYS = Buffer.from(Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)));

/** Behind the last of the sub-blocks that begin at `start`. */
function blocksEnd(bytes: Buffer, start: number): number {
  let offset = start;
  while (bytes[offset]) offset += bytes[offset] + 1;
  if (offset >= bytes.length) throw truncated();
  return offset + 1;
}

/** The bytes of the sub-blocks that begin at `start`, without their lengths; those that are there. */
function joined(bytes: Buffer, start: number): { data: Buffer; isCut: boolean } {
  const blocks: Buffer[] = [];
  let offset = start;
  while (bytes[offset]) {
    blocks.push(bytes.subarray(offset + 1, offset + 1 + bytes[offset]));
    offset += bytes[offset] + 1;
  }
  return { data: Buffer.concat(blocks), isCut: offset >= bytes.length };
}

/** LZW: the palette index of each pixel. */
async function unpack(bytes: Buffer, { width, height, start }: Frame): Promise<Uint8Array> {
  const rootBits = bytes[start];
  if (start >= bytes.length) throw truncated();
  if (rootBits < 1 || rootBits > 8) throw new InputError(`damaged GIF (codes of ${rootBits} bits)`);
  const { data, isCut } = joined(bytes, start + 1);
  const out = new Uint8Array(width * height);
  const [clear, end] = [1 << rootBits, (1 << rootBits) + 1];
  const prefix = new Uint16Array(MAX_CODES);
  const suffix = new Uint8Array(MAX_CODES);
  const length = new Uint32Array(MAX_CODES);
  for (let code = 0; code < clear; code++) {
    suffix[code] = code;
    length[code] = 1;
  }
  let [filled, next, bits, previous, bitBuffer, bufferedBits, offset, codes] = [
    0,
    end + 1,
    rootBits + 1,
    -1,
    0,
    0,
    0,
    0,
  ];
  const damaged = () => (isCut ? truncated() : new InputError('damaged GIF (a broken data stream)'));
  while (filled < out.length) {
    if (++codes % AT_ONCE === 0) await rest();
    while (bufferedBits < bits) {
      if (offset >= data.length) throw damaged();
      bitBuffer |= data[offset++] << bufferedBits;
      bufferedBits += 8;
    }
    const code = bitBuffer & ((1 << bits) - 1);
    bitBuffer >>>= bits;
    bufferedBits -= bits;
    if (code === clear) {
      [next, bits, previous] = [end + 1, rootBits + 1, -1];
      continue;
    }
    const isNew = code === next && previous >= 0 && next < MAX_CODES;
    if (code === end || !(code < next || isNew) || (previous < 0 && code > end)) throw damaged();
    // A code that is just being made ends as it begins.
    const prefixCode = isNew ? previous : code;
    const from = filled;
    let index = from + length[prefixCode] - 1;
    for (let link = prefixCode; index >= from; index--, link = prefix[link])
      if (index < out.length) out[index] = suffix[link];
    filled += length[prefixCode];
    if (isNew && filled < out.length) out[filled++] = out[from];
    if (previous >= 0 && next < MAX_CODES) {
      prefix[next] = previous;
      suffix[next] = out[from];
      length[next] = length[previous] + 1;
      next++;
      if (next === 1 << bits && bits < 12) bits++;
    }
    previous = code;
  }
  return out;
}

function fill(data: Uint8Array, palette: Buffer, colour: number): void {
  const rgb =
    palette.length >= (colour + 1) * 3 ? palette.subarray(colour * 3, colour * 3 + 3) : Buffer.alloc(3);
  data.set(rgb);
  for (let filled = 3; filled < data.length; filled *= 2) data.copyWithin(filled, 0, filled);
}

/** Rows of an interlaced frame come every eighth, then those between. */
const PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const;

async function paint(data: Uint8Array, across: number, frame: Frame, indices: Uint8Array): Promise<void> {
  const { left, top, width, height, palette } = frame;
  let from = 0;
  for (const [first, step] of frame.isInterlaced ? PASSES : ([[0, 1]] as const))
    for (let row = first; row < height; row += step) {
      if (from % AT_ONCE < width) await rest();
      let to = ((top + row) * across + left) * 3;
      for (const last = from + width; from < last; from++) {
        const colour = indices[from] * 3;
        data[to++] = palette[colour] ?? 0;
        data[to++] = palette[colour + 1] ?? 0;
        data[to++] = palette[colour + 2] ?? 0;
      }
    }
}
