/** The first directory of a TIFF file: its tags, with every offset checked against the file's length. */
import { InputError } from '../../errors.ts';

/** Bytes of a value by its type: BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE and so on, and BigTIFF's three. */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};
/** A directory of more tags is no directory, and no image has more strips or tiles. */
const MAX_TAGS = 4096;
const MAX_VALUES = 1 << 18;

export const TAG = {
  subfile: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planar: 284,
  subdirectories: 330,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  extraSamples: 338,
  sampleFormat: 339,
  subsampling: 530,
  dngVersion: 50706,
} as const;

/** A tag as it stands in the directory. */
export interface TiffEntry {
  tag: number;
  type: number;
  count: number;
  /** Where its values begin. */
  start: number;
  /** The entry itself. */
  raw: Buffer;
}

export interface TiffDirectory {
  isBig: boolean;
  isLittle: boolean;
  entries: ReadonlyMap<number, TiffEntry>;
  /** The whole numbers of a tag; none where it is missing or holds something else. */
  numbers(tag: number): number[];
  /** The first number of a tag, or what the standard says when it is missing. */
  first(tag: number, usual: number): number;
}

/** Reads the directory. @throws InputError with the reason alone when it does not lie within the file */
export function readDirectory(bytes: Buffer): TiffDirectory {
  const isLittle = bytes[0] === 0x49;
  const isBig = bytes[isLittle ? 2 : 3] === 43;
  const within = (start: number, length: number): void => {
    if (!(start >= 0 && start + length <= bytes.length)) throw new InputError('truncated TIFF');
  };
  const read = (start: number, length: number): number => {
    if (length === 8) return Number(isLittle ? bytes.readBigUInt64LE(start) : bytes.readBigUInt64BE(start));
    return isLittle ? bytes.readUIntLE(start, length) : bytes.readUIntBE(start, length);
  };
  const whole = (start: number, length: number): number => {
    within(start, length);
    return read(start, length);
  };
  const [offsetBytes, countBytes, entryBytes] = isBig ? [8, 8, 20] : [4, 2, 12];
  const directory = whole(isBig ? 8 : 4, offsetBytes);
  const tags = whole(directory, countBytes);
  if (tags > MAX_TAGS) throw new InputError('damaged TIFF (a directory with missing tags)');
  const entries = new Map<number, TiffEntry>();
  for (let i = 0; i < tags; i++) {
    const offset = directory + countBytes + i * entryBytes;
    within(offset, entryBytes);
    const [tag, type, count] = [whole(offset, 2), whole(offset + 2, 2), whole(offset + 4, offsetBytes)];
    const length = (TYPE_BYTES[type] ?? 0) * count;
    const inline = offset + 4 + offsetBytes;
    const start = length <= offsetBytes ? inline : whole(inline, offsetBytes);
    const raw = bytes.subarray(offset, offset + entryBytes);
    if (!entries.has(tag)) entries.set(tag, { tag, type, count, start, raw });
  }
  const numbers = (tag: number): number[] => {
    const entry = entries.get(tag);
    const length = entry && [1, 3, 4, 13, 16, 18].includes(entry.type) ? TYPE_BYTES[entry.type] : 0;
    if (!entry || length === 0) return [];
    within(entry.start, entry.count * length);
    if (entry.count > MAX_VALUES) throw new InputError('damaged TIFF (a tag with missing values)');
    return Array.from({ length: entry.count }, (_, i) => read(entry.start + i * length, length));
  };
  return { isBig, isLittle, entries, numbers, first: (tag, usual) => numbers(tag)[0] ?? usual };
}
