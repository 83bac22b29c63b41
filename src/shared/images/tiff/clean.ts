/** A TIFF file without what libtiff only warns of: then every warning is about its pixels. */
import { readDirectory, TAG, type TiffDirectory } from './directory.ts';
import { readPieces } from './pieces.ts';

/** What decides about pixels: the baseline's tags, orientation, compression's own, transparency, predictor, JPEG tables. */
const KEPT = [
  254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325,
  338, 339, 347, 529, 530, 531, 532, 700,
];
const [SHORT, LONG, LONG8] = [3, 4, 16];
/** Samples that carry colour, by photometric interpretation. */
const COLOURS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };

/** A copy of `bytes` with a new directory at its end: sorted, without private tags, with those that are missing. */
export function cleanTiff(bytes: Buffer): Buffer {
  const directory = readDirectory(bytes);
  const { isBig, isLittle, entries } = directory;
  /** Numbers of `length` bytes each. */
  const write = (length: number, values: readonly number[]): Buffer => {
    const out = Buffer.alloc(length * values.length);
    for (const [i, value] of values.entries()) {
      if (length === 8 && isLittle) out.writeBigUInt64LE(BigInt(value), 8 * i);
      else if (length === 8) out.writeBigUInt64BE(BigInt(value), 8 * i);
      else if (isLittle) out.writeUIntLE(value, length * i, length);
      else out.writeUIntBE(value, length * i, length);
    }
    return out;
  };
  const [offsetBytes, countBytes, entryBytes] = isBig ? [8, 8, 20] : [4, 2, 12];
  const added = lacking(bytes, directory);
  const tags = [...new Set([...KEPT.filter((tag) => entries.has(tag)), ...added.keys()])].sort(
    (a, b) => a - b,
  );
  // Offsets are even.
  const start = bytes.length + (bytes.length % 2);
  let end = start + countBytes + tags.length * entryBytes + offsetBytes;
  const values: Buffer[] = [];
  const written = tags.map((tag) => {
    const own = added.get(tag);
    if (!own) return entries.get(tag)!.raw;
    const [type, width] = own.isShort ? [SHORT, 2] : isBig ? [LONG8, 8] : [LONG, 4];
    const array = write(width, own.numbers);
    const head = [write(2, [tag, type]), write(offsetBytes, [own.numbers.length])];
    if (array.length <= offsetBytes) return Buffer.concat([...head, array], entryBytes);
    values.push(array);
    end += array.length;
    return Buffer.concat([...head, write(offsetBytes, [end - array.length])]);
  });
  const padding = Buffer.alloc(start - bytes.length);
  const head = [bytes, padding, write(countBytes, [tags.length])];
  const clean = Buffer.concat([...head, ...written, write(offsetBytes, [0]), ...values]);
  write(offsetBytes, [start]).copy(clean, isBig ? 8 : 4);
  return clean;
}

interface Added {
  isShort: boolean;
  numbers: number[];
}

/** Tags that libtiff would have guessed, with a warning. */
function lacking(bytes: Buffer, directory: TiffDirectory): Map<number, Added> {
  const { entries, first } = directory;
  const added = new Map<number, Added>();
  const isTiled = entries.has(TAG.tileOffsets);
  const pieces = readPieces(bytes, directory);
  added.set(isTiled ? TAG.tileBytes : TAG.stripBytes, {
    isShort: false,
    numbers: pieces.map(({ length }) => length),
  });
  const photometric = first(TAG.photometric, 1);
  added.set(TAG.photometric, { isShort: true, numbers: [photometric] });
  const extra = first(TAG.samples, 1) - (COLOURS[photometric] ?? first(TAG.samples, 1));
  if (extra > 0 && directory.numbers(TAG.extraSamples).length !== extra)
    added.set(TAG.extraSamples, { isShort: true, numbers: Array<number>(extra).fill(0) });
  const subsampling =
    photometric === 6 && pieces.length > 0 && jpegSubsampling(bytes.subarray(pieces[0].start));
  if (subsampling) added.set(TAG.subsampling, { isShort: true, numbers: subsampling });
  return added;
}

/** The subsampling that the frame header of a strip or tile tells, if it begins like a JPEG. */
function jpegSubsampling(jpeg: Buffer): number[] | undefined {
  let offset = 2;
  while (offset + 12 < jpeg.length && jpeg[offset] === 0xff) {
    if (jpeg[offset + 1] >= 0xc0 && jpeg[offset + 1] <= 0xc2)
      return [jpeg[offset + 11] >> 4, jpeg[offset + 11] & 15];
    offset += 2 + jpeg.readUInt16BE(offset + 2);
  }
  return undefined;
}
