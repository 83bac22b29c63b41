/** Which files are images: by name when a folder is walked, by their first bytes before anything decodes them. */
import { extname } from 'node:path';
import { InputError, shown } from '../errors.ts';

/** File name extensions taken for images, lower case. */
const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
]);

/** Whether a file name (or path) ends like an image's, in any case. */
export function hasImageExtension(name: string): boolean {
  return IMAGE_EXTENSIONS.has(extname(name).toLowerCase());
}

/** The formats that are decoded. */
export type ImageFormat = 'JPEG' | 'PNG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF';

/** What the first bytes (as Latin-1 text) of each format look like. */
const SIGNATURES: [ImageFormat, RegExp][] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF.{4}WEBP/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['AVIF', /^.{4}ftypavi[fs]/s],
];

/** Known formats that are refused, and why; anything else is no image at all. */
const REFUSED: [RegExp, string][] = [
  [/^\s*<(?=svg|\?xml|!--|!doctype svg).*?svg/is, 'SVG is a drawing: render it to pixels first'],
  [/^%PDF-/, 'PDF is a document: render it to pixels first'],
  [/^BM/, 'BMP is not supported: convert it to PNG'],
  [/^.{4}ftyp(hei|hev|mif1)/s, 'HEIC is not supported: convert it to JPEG'],
];

/**
 * The format of an image file, from its first bytes; the name is not looked at.
 * @throws InputError with the reason alone when the bytes are empty, no image, or of a format that is refused
 */
export function imageFormat(bytes: Buffer): ImageFormat {
  if (bytes.length === 0) throw new InputError('empty file');
  const start = bytes.toString('latin1', 0, 512);
  const known = SIGNATURES.find(([, signature]) => signature.test(start));
  if (known) return known[0];
  const refused = REFUSED.find(([signature]) => signature.test(start));
  if (refused) throw new InputError(refused[1]);
  throw new InputError(`not an image: starts with ${shown(bytes.toString('utf8', 0, 16))}`);
}
