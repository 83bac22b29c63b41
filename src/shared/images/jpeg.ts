/** The segments of a JPEG file: whether all scans are there, and a header that a decoder has nothing to say about. */
import { InputError } from '../errors.ts';

/** What stands between two markers. */
export interface Segment {
  marker: number;
  /** Where its data begin and end, without marker and length. */
  start: number;
  end: number;
}

const [SOF2, DHT, SOF10, DAC, EOI, SOS, DQT, DRI, APP0, APP1, APP14] = [
  0xc2, 0xc4, 0xca, 0xcc, 0xd9, 0xda, 0xdb, 0xdd, 0xe0, 0xe1, 0xee,
];
const JPG = 0xc8;
const COEFFICIENTS = 64;

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![DHT, JPG, DAC].includes(marker);
}

/** Segments from the start to the first scan's, or with `all` to the end of the image, in order. */
export function* segments(bytes: Buffer, { all = false } = {}): Generator<Segment> {
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    offset = bytes.indexOf(0xff, offset);
    if (offset < 0 || offset + 4 > bytes.length) return;
    const marker = bytes[offset + 1];
    if (marker === 0xff) offset++;
    // Stuffed zeros, restarts and what has no length.
    else if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) offset += 2;
    else if (marker === EOI) return;
    else {
      const end = offset + 2 + bytes.readUInt16BE(offset + 2);
      yield { marker, start: offset + 4, end: Math.min(end, bytes.length) };
      if (marker === SOS && !all) return;
      offset = Math.max(end, offset + 2);
    }
  }
}

/**
 * Checks that the scans give every component all its coefficients: decoders take those that are missing for grey.
 * @throws InputError with the reason alone
 */
export function checkScans(bytes: Buffer): void {
  const lowest = new Map<number, Uint8Array>();
  let isProgressive = false;
  for (const { marker, start, end } of segments(bytes)) {
    if (isFrame(marker) && start + 6 + 3 * (bytes[start + 5] ?? 0) <= end) {
      isProgressive = marker === SOF2 || marker === SOF10;
      for (let i = 0; i < bytes[start + 5]; i++)
        lowest.set(bytes[start + 6 + 3 * i], new Uint8Array(COEFFICIENTS).fill(255));
    }
    // One scan of everything, as nearly all photos have, is read to its end or refused by the decoder.
    if (marker === SOS && !isProgressive && bytes[start] === lowest.size) return;
  }
  for (const { marker, start, end } of segments(bytes, { all: true })) {
    if (marker !== SOS || start + 4 + 2 * bytes[start] > end) continue;
    const count = bytes[start];
    const [first, last, bits] = bytes.subarray(start + 1 + 2 * count);
    for (let i = 0; i < count; i++)
      lowest.get(bytes[start + 1 + 2 * i])?.fill(bits & 15, first, Math.min(last, 63) + 1);
  }
  const isWhole = [...lowest.values()].every((bits) => bits.every((value) => value === 0));
  if (!isWhole) throw new InputError('truncated JPEG (some of its scans are missing)');
}

/** Kept of a header: tables and frame; EXIF for the orientation. */
const KEPT = [DHT, DAC, DQT, DRI, APP1];
const JFIF = Buffer.from('ffe000104a46494600010100000100010000', 'hex');
const ADOBE_TRANSFORM = 11;

/** A copy of `bytes` whose header holds what decides about pixels and nothing to warn of: no odd version, no bytes between segments. */
export function cleanJpeg(bytes: Buffer): Buffer {
  const parts: Buffer[] = [bytes.subarray(0, 2)];
  let components = 3;
  for (const { marker, start, end } of segments(bytes)) {
    const segment = Buffer.from(bytes.subarray(start - 4, end));
    if (marker === SOS) return Buffer.concat([...parts, bytes.subarray(start - 4)]);
    if (isFrame(marker)) components = bytes[start + 5];
    if (marker === APP0 && segment.toString('latin1', 4, 8) === 'JFIF') parts.push(JFIF);
    if (marker === APP14 && segment.length >= 16 && segment.toString('latin1', 4, 9) === 'Adobe') {
      const transform = 4 + ADOBE_TRANSFORM;
      // What decoders take an unknown transform for.
      if (segment[transform] > 2) segment[transform] = components === 4 ? 2 : 1;
      parts.push(segment);
    }
    if (KEPT.includes(marker) || isFrame(marker)) parts.push(segment);
  }
  return bytes;
}
