/** TIFF files that cannot be decoded as they should, told before anything decodes them. */
import { InputError } from '../../errors.ts';
import { MAX_PIXELS } from '../formats.ts';
import { readDirectory, TAG, type TiffDirectory } from './directory.ts';
import { checkDeflated, readPieces, unpackedBytes } from './pieces.ts';

/** Compressions that libtiff is not built with here; in tiles it says nothing and leaves them black. */
const REFUSED_COMPRESSIONS: ReadonlyMap<number, string> = new Map([
  [6, 'old JPEG'],
  [32766, 'NeXT'],
  [32809, 'ThunderScan'],
  [32908, 'Pixar'],
  [32909, 'Pixar'],
  [33003, 'JPEG 2000'],
  [33005, 'JPEG 2000'],
  [33007, 'ALAC'],
  [34661, 'JBIG'],
  [34676, 'SGI LogLuv'],
  [34677, 'SGI LogLuv'],
  [34712, 'JPEG 2000'],
  [34887, 'LERC'],
  [34925, 'LZMA'],
  [50000, 'ZSTD'],
  [50002, 'JPEG XL'],
  [52546, 'JPEG XL'],
]);
const JPEG = 7;
const DEFLATE = [8, 32946];
const YCBCR = 6;
const LAB = [8, 9, 10];
const SUPPORTED_BITS = [1, 2, 4, 8, 16, 32];
const FLOAT = 3;
const COMPLEX = [5, 6];

/**
 * Checks that a TIFF file is of a kind that is decoded right, and that its strips and tiles are all there: for tiles,
 * libvips takes those that libtiff cannot read for black.
 * @throws InputError with the reason alone
 */
export async function checkTiff(bytes: Buffer): Promise<void> {
  const directory = readDirectory(bytes);
  const refusal = refusalOf(directory);
  if (refusal) throw new InputError(refusal);
  if (directory.first(TAG.width, 0) * directory.first(TAG.height, 0) > MAX_PIXELS)
    throw new InputError('TIFF of more pixels than the limit of 268 million');
  const pieces = readPieces(bytes, directory);
  const compression = directory.first(TAG.compression, 1);
  if (DEFLATE.includes(compression)) await checkDeflated(bytes, pieces, unpackedBytes(directory));
}

/** Why a whole file is not decoded, if so. */
function refusalOf(directory: TiffDirectory): string | undefined {
  const { entries, first, numbers } = directory;
  const isThumbnail = (first(TAG.subfile, 0) & 1) === 1 && entries.has(TAG.subdirectories);
  if (isThumbnail || entries.has(TAG.dngVersion))
    return 'a raw camera file is not supported: convert it to JPEG or TIFF';
  const compression = first(TAG.compression, 1);
  const unknown = REFUSED_COMPRESSIONS.get(compression);
  if (unknown) return `TIFF compressed with ${unknown} is not supported: save it with LZW or deflate`;
  const bits = first(TAG.bits, 1);
  const [format = 1] = numbers(TAG.sampleFormat);
  const kind = format === FLOAT ? 'float ' : COMPLEX.includes(format) ? 'complex ' : '';
  if (!SUPPORTED_BITS.includes(bits) || kind === 'complex ' || (kind === 'float ' && bits !== 32))
    return `TIFF with ${kind}samples of ${bits} bits is not supported: save it with 8 or 16 bits`;
  const photometric = first(TAG.photometric, 1);
  if (photometric === YCBCR && compression !== JPEG)
    return 'TIFF in YCbCr without JPEG compression is not supported: save it as RGB';
  if (LAB.includes(photometric)) return 'TIFF in L*a*b* is not supported: save it as RGB';
  if (entries.has(TAG.tileOffsets) && first(TAG.planar, 1) === 2 && first(TAG.samples, 1) > 1)
    return 'TIFF of tiles in separate planes is not supported: save it with interleaved channels';
  return undefined;
}
