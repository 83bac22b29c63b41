/** The strips or tiles of a TIFF file: whether all of them are there. */
import { createInflate } from 'node:zlib';
import { InputError, messageOf } from '../../errors.ts';
import { TAG, type TiffDirectory } from './directory.ts';

/** A strip or a tile. */
interface Piece {
  start: number;
  length: number;
}

/** Strips and tiles may share bytes, as blank ones do in maps, but not so often that reading them takes for ever. */
const MAX_SHARING = 64;

/** Where the strips or tiles lie. @throws InputError with the reason alone when one of them is missing or cut off */
export function readPieces(bytes: Buffer, directory: TiffDirectory): Piece[] {
  const isTiled = directory.entries.has(TAG.tileOffsets);
  const starts = directory.numbers(isTiled ? TAG.tileOffsets : TAG.stripOffsets);
  const lengths = directory.numbers(isTiled ? TAG.tileBytes : TAG.stripBytes);
  const expected = pieceCount(directory, isTiled);
  if (starts.length < expected)
    throw new InputError(`damaged TIFF (${starts.length} of ${expected} strips or tiles)`);
  // Strips without lengths run to the next one.
  const sorted = isTiled ? [] : [...starts].sort((a, b) => a - b);
  const ends = new Map(sorted.map((start, i) => [start, sorted[i + 1] ?? bytes.length]));
  let total = 0;
  return starts.slice(0, expected).map((start, i) => {
    const length = lengths[i] || (ends.get(start) ?? start) - start;
    if (start === 0 || length <= 0) throw new InputError('TIFF that lacks some of its strips or tiles');
    if (start + length > bytes.length) throw new InputError('truncated TIFF');
    total += length;
    if (total > bytes.length * MAX_SHARING)
      throw new InputError('damaged TIFF (strips or tiles that overlap)');
    return { start, length };
  });
}

function pieceCount(directory: TiffDirectory, isTiled: boolean): number {
  const width = directory.first(TAG.width, 0);
  const height = directory.first(TAG.height, 0);
  const planes = directory.first(TAG.planar, 1) === 2 ? directory.first(TAG.samples, 1) : 1;
  if (!isTiled) return Math.ceil(height / Math.min(height, rowsPerStrip(directory, height))) * planes;
  const [across, down] = [directory.first(TAG.tileWidth, 0), directory.first(TAG.tileHeight, 0)];
  return Math.ceil(width / across) * Math.ceil(height / down) * planes;
}

function rowsPerStrip(directory: TiffDirectory, height: number): number {
  return directory.first(TAG.rowsPerStrip, height) || height;
}

/**
 * Compares the checksums of deflated strips and tiles, which libtiff never reads.
 * @throws InputError with the reason alone when one of them differs
 */
export async function checkDeflated(bytes: Buffer, pieces: readonly Piece[], largest: number): Promise<void> {
  for (const { start, length } of pieces) {
    const inflate = createInflate({ chunkSize: INFLATED_BYTES });
    inflate.end(bytes.subarray(start, start + length));
    let inflated = 0;
    try {
      for await (const chunk of inflate) {
        inflated += (chunk as Buffer).length;
        if (inflated > largest) break;
      }
    } catch (thrown) {
      // Anything but a wrong checksum libtiff finds itself.
      if (/incorrect data check/.test(messageOf(thrown)))
        throw new InputError('damaged TIFF (incorrect data check)');
    }
  }
}

/** What is inflated at a time, and forgotten. */
const INFLATED_BYTES = 1 << 18;

/** Bytes that the largest strip or tile unpacks to. */
export function unpackedBytes(directory: TiffDirectory): number {
  const isTiled = directory.entries.has(TAG.tileOffsets);
  const width = directory.first(isTiled ? TAG.tileWidth : TAG.width, 0);
  const height = directory.first(TAG.height, 0);
  const rows = isTiled
    ? directory.first(TAG.tileHeight, 0)
    : Math.min(height, rowsPerStrip(directory, height));
  const samples = directory.first(TAG.planar, 1) === 2 ? 1 : directory.first(TAG.samples, 1);
  return rows * Math.ceil((width * samples * directory.first(TAG.bits, 1)) / 8);
}
