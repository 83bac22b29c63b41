/** Orientations that libvips does not see: in XMP, in ImageMagick's raw profiles, behind the pixels of a PNG. */
import { inflateSync } from 'node:zlib';
import type { ImageFormat } from './formats.ts';
import { segments } from './jpeg.ts';
import { readDirectory } from './tiff/directory.ts';

const ORIENTATION = 274;
const TIFF_XMP = 700;
/** Text of a chunk beyond this is no profile with an orientation. */
const MAX_TEXT_BYTES = 4 << 20;

/** What a file says of its orientation. */
interface Said {
  /** EXIF where libvips finds it. */
  seen?: Buffer;
  /** EXIF where it does not. */
  unseen?: Buffer;
  xmp?: Buffer;
}

/**
 * The orientation (2 to 8) of an image that libvips takes for upright; 1 where it sees it itself. What counts is as in
 * Pillow: an orientation in EXIF, wherever that stands, before one in XMP.
 */
export function hiddenOrientation(bytes: Buffer, format: ImageFormat): number {
  const find = FINDERS[format];
  if (!find) return 1;
  const { seen, unseen, xmp } = find(bytes);
  if (seen && exifOrientation(seen) !== undefined) return 1;
  return (unseen && exifOrientation(unseen)) ?? (xmp && xmpOrientation(xmp)) ?? 1;
}

const FINDERS: Partial<Record<ImageFormat, (bytes: Buffer) => Said>> = {
  JPEG: saidInJpeg,
  PNG: saidInPng,
  WebP: saidInWebp,
  TIFF: saidInTiff,
};

const JPEG_EXIF = 'Exif\0\0';
const JPEG_XMP = 'http://ns.adobe.com/xap/1.0/\0';
const APP1 = 0xe1;

function saidInJpeg(bytes: Buffer): Said {
  const said: Said = {};
  for (const { marker, start, end } of segments(bytes)) {
    if (marker !== APP1) continue;
    const data = bytes.subarray(start, end);
    if (startsWith(data, JPEG_EXIF)) said.seen ??= data;
    if (startsWith(data, JPEG_XMP)) said.xmp ??= data;
  }
  return said;
}

function saidInPng(bytes: Buffer): Said {
  const said: Said = {};
  let offset = 8;
  let isBehindPixels = false;
  while (offset + 12 <= bytes.length) {
    const length = bytes.readUInt32BE(offset);
    const kind = bytes.toString('latin1', offset + 4, offset + 8);
    const data = bytes.subarray(offset + 8, offset + 8 + length);
    if (kind === 'IDAT') isBehindPixels = true;
    if (kind === 'eXIf') {
      if (isBehindPixels) said.unseen = data;
      else said.seen = data;
    }
    if (kind === 'iTXt' && startsWith(data, 'XML:com.adobe.xmp\0')) said.xmp ??= data;
    if ((kind === 'zTXt' || kind === 'tEXt') && startsWith(data, 'Raw profile type exif\0'))
      said.unseen ??= rawProfile(data, kind === 'zTXt');
    offset += 12 + length;
  }
  return said;
}

/** `Raw profile type exif`, a zero, then (deflated or not) an empty line, a name, a length and lines of hex digits. */
function rawProfile(data: Buffer, isDeflated: boolean): Buffer {
  const start = data.indexOf(0) + 1;
  try {
    const text = isDeflated
      ? inflateSync(data.subarray(start + 1), { maxOutputLength: MAX_TEXT_BYTES })
      : data.subarray(start);
    return Buffer.from(text.toString('latin1').split('\n').slice(3).join(''), 'hex');
  } catch {
    return Buffer.alloc(0);
  }
}

function saidInWebp(bytes: Buffer): Said {
  const said: Said = {};
  let offset = 12;
  while (offset + 8 <= bytes.length) {
    const kind = bytes.toString('latin1', offset, offset + 4);
    const length = bytes.readUInt32LE(offset + 4);
    const data = bytes.subarray(offset + 8, offset + 8 + length);
    if (kind === 'EXIF') said.seen ??= data;
    if (kind === 'XMP ') said.xmp ??= data;
    offset += 8 + length + (length % 2);
  }
  return said;
}

function saidInTiff(bytes: Buffer): Said {
  const { entries } = readDirectory(bytes);
  const xmp = entries.get(TIFF_XMP);
  return { seen: bytes, ...(xmp && { xmp: bytes.subarray(xmp.start, xmp.start + xmp.count) }) };
}

function startsWith(data: Buffer, text: string): boolean {
  return data.toString('latin1', 0, text.length) === text;
}

/** The orientation in an EXIF block, undefined where it has none or is damaged. */
function exifOrientation(exif: Buffer): number | undefined {
  const tiff = startsWith(exif, JPEG_EXIF) ? exif.subarray(JPEG_EXIF.length) : exif;
  if (!/^(II\*|MM\0\*|II\+|MM\0\+)/.test(tiff.toString('latin1', 0, 4))) return undefined;
  try {
    return valid(readDirectory(tiff).numbers(ORIENTATION)[0]);
  } catch {
    return undefined;
  }
}

function xmpOrientation(xmp: Buffer): number | undefined {
  const [, digit] = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp.toString('latin1')) ?? [];
  return valid(Number(digit));
}

function valid(orientation: number | undefined): number | undefined {
  if (orientation === undefined || Number.isNaN(orientation)) return undefined;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
