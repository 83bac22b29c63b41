/** Which files are images: by name when a folder is walked, by their first bytes before anything decodes them. */
// biome-ignore-all lint/suspicious/noControlCharactersInRegex: signatures are made of them
import { extname } from 'node:path';
import { InputError, shown } from '../errors.ts';

/** File name extensions of formats that are decoded, lower case. */
const DECODED = '.jpg .jpeg .jpe .jif .jfif .mpo .png .apng .webp .gif .tif .tiff .avif';
/** Of images that are not: listed among those that cannot be used, so that nobody misses them. */
const LISTED = [
  '.bmp .dib .heic .heif .hif .jp2 .j2k .jpf .jpx .jpc .jxl .jxr .ico .cur .svg .svgz .psd .psb .xcf .tga .pcx .qoi',
  '.pbm .pgm .ppm .pnm .pam .exr .hdr .dcm .dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf .rw2 .raf .pef .srw .3fr .erf',
].join(' ');
/** File name extensions taken for images. */
const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([...DECODED.split(' '), ...LISTED.split(' ')]);

/** Whether a file name (or path) ends like an image's, in any case. */
export function hasImageExtension(name: string): boolean {
  return IMAGE_EXTENSIONS.has(extname(name).toLowerCase());
}

/** Images of more pixels are refused: sharp's own limit, for what is read without it. */
export const MAX_PIXELS = 16_383 * 16_383;

/** The formats that are decoded. */
export type ImageFormat = 'JPEG' | 'PNG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF';

/** What the first bytes (as Latin-1 text) of each format look like. */
const SIGNATURES: [ImageFormat, RegExp][] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF.{4}WEBP/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
];

const RAW = 'a raw camera file is not supported: convert it to JPEG or TIFF';
const HEIC = 'HEIC is not supported: convert it to JPEG';

/** Known formats that are refused, and why; anything else is no image at all. */
const REFUSED: [RegExp, string][] = [
  [/^\s*<(?=svg|\?xml|!--|!doctype svg).*?svg/is, 'SVG is a drawing: render it to pixels first'],
  [/^%PDF-/, 'PDF is a document: render it to pixels first'],
  [/^BM/, 'BMP is not supported: convert it to PNG'],
  [/^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/, 'JPEG 2000 is not supported: convert it to JPEG or PNG'],
  [/^(\0\0\0\x0cJXL |\xff\x0a)/, 'JPEG XL is not supported: convert it to JPEG or PNG'],
  [/^II\xbc/, 'JPEG XR is not supported: convert it to JPEG or PNG'],
  [/^\0\0[\x01\x02]\0/, 'ICO is not supported: convert it to PNG'],
  [/^P[1-7]\s/, 'PNM (PBM, PGM, PPM, PAM) is not supported: convert it to PNG'],
  [/^8BPS/, 'PSD is not supported: save it as PNG or TIFF'],
  [/^gimp xcf/, 'XCF is not supported: save it as PNG or TIFF'],
  [/^qoif/, 'QOI is not supported: convert it to PNG'],
  [/^v\/1\x01/, 'OpenEXR is not supported: convert it to PNG or TIFF'],
  [/^#\?R(ADIANCE|GBE)/, 'Radiance HDR is not supported: convert it to PNG or TIFF'],
  [/^.{128}DICM/s, 'DICOM is not supported: convert it to PNG or TIFF'],
  [/^(FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\0|.{6}HEAPCCDR|.{4}ftypcrx|II\*\0.{4}CR)/s, RAW],
];

/** Names of brands in an ISO media file, the major one first, none where it is no such file. */
function brands(bytes: Buffer): string[] {
  if (bytes.toString('latin1', 4, 8) !== 'ftyp') return [];
  const listed = bytes.subarray(16, Math.min(bytes.readUInt32BE(0), bytes.length, 512)).toString('latin1');
  return [bytes.toString('latin1', 8, 12), ...(listed.match(/.{4}/gs) ?? [])];
}

/** AVIF and HEIC share their containers, and often the major brand `mif1`. */
function mediaFormat(bytes: Buffer): ImageFormat | undefined {
  const found = brands(bytes);
  if (found.some((brand) => /^avi[fs]$/.test(brand))) return 'AVIF';
  if (found.some((brand) => /^(he[iv]|mif1|msf1)/.test(brand))) throw new InputError(HEIC);
  return undefined;
}

/**
 * The format of an image file, from its first bytes; the name is not looked at.
 * @throws InputError with the reason alone when the bytes are empty, no image, or of a format that is refused
 */
export function imageFormat(bytes: Buffer): ImageFormat {
  if (bytes.length === 0) throw new InputError('empty file');
  const start = bytes.toString('latin1', 0, 512);
  // Before TIFF, whose signature raw camera files share.
  const refused = REFUSED.find(([signature]) => signature.test(start));
  if (refused) throw new InputError(refused[1]);
  const format = SIGNATURES.find(([, signature]) => signature.test(start))?.[0] ?? mediaFormat(bytes);
  if (format) return format;
  throw new InputError(`not an image: starts with ${shown(bytes.toString('utf8', 0, 16))}`);
}
