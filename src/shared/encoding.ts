/**
 * Text in whatever encoding it was saved in. What is certain is decoded; all else is refused with its line, since bytes
 * that become U+FFFD make one name out of two.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { InputError, usage } from './errors.ts';

/** How a text is to be decoded where its own bytes do not tell. */
export interface TextOptions {
  /** A label of the WHATWG Encoding Standard, such as `windows-1252`; a byte-order mark overrules it. */
  encoding?: string;
  /** Is told, in a sentence, when Windows-1252 was inferred, which is not done where nobody is told. */
  warn?: (note: string) => void;
}

/** Decodes a text block by block; each block ends with a line, but for the last. */
export interface TextDecoding {
  /** Bytes of the byte-order mark, which are not to be decoded. */
  readonly markLength: number;
  /** Lines that were decoded. */
  readonly lines: number;
  /** Where the last line that is complete ends in these bytes, 0 for nowhere. */
  lineEnd(bytes: Buffer): number;
  /** @throws InputError naming the line whose bytes are not of the encoding */
  decode(block: Buffer): string;
}

/** Bytes by which {@link textDecoding} tells the encoding. */
export const START_BYTES = 4096;

/** Byte-order marks, longest first. */
const MARKS: readonly [mark: readonly number[], encoding: string][] = [
  [[0xff, 0xfe, 0, 0], 'utf-32le'],
  [[0, 0, 0xfe, 0xff], 'utf-32be'],
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** Windows-1252 from 0x80 to 0x9F, U+FFFD where nothing is defined (Unicode's CP1252.TXT). */
const CP1252 =
  '\u20ac\ufffd\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\ufffd\u017d\ufffd' +
  '\ufffd\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\ufffd\u017e\u0178';

/** Text that is shown around a byte that does not fit. */
const CONTEXT = 20;

/**
 * Chooses the decoding of a text by its first {@link START_BYTES} bytes: by the byte-order mark, else as `encoding` says,
 * else UTF-16 where every other byte of plain letters is zero, else UTF-8. What is no UTF-8 but certain to be
 * Windows-1252 (see {@link isWestern}) is decoded as that, with a warning.
 * @param start the bytes that the text begins with
 * @throws InputError for UTF-32, UsageError for an unknown encoding
 */
export function textDecoding(
  name: string,
  start: Buffer,
  { encoding: said, warn }: TextOptions = {},
): TextDecoding {
  const marked = MARKS.find(([mark]) => mark.every((byte, i) => start[i] === byte));
  const told = marked?.[1] ?? (said === undefined ? undefined : encodingNamed(said));
  let encoding = told ?? wideEncoding(start) ?? 'utf-8';
  if (encoding.startsWith('utf-32'))
    throw new InputError(`Expected UTF-8 or UTF-16 for ${name} but it is UTF-32: save it as UTF-8`);
  // Nothing but UTF-8 without mark may turn out to be something else, and only before other letters than ASCII's came.
  let isOpen = told === undefined && encoding === 'utf-8';
  const fix =
    said === undefined
      ? `save it as UTF-8${warn ? ', or say what it is (--encoding windows-1252 for Excel in Western Europe and America)' : ''}`
      : 'give another --encoding';
  let isInferred = false;
  let lines = 0;
  const strict = (bytes: Buffer): string | undefined =>
    isInferred && !isWestern(bytes) ? undefined : decodeStrictly(bytes, encoding);
  return {
    markLength: marked?.[0].length ?? 0,
    get lines() {
      return lines;
    },
    lineEnd: (bytes) => lineEnd(bytes, encoding),
    decode(block) {
      let text = strict(block);
      if (text === undefined && isOpen && warn && isWestern(block)) {
        [encoding, isInferred] = ['windows-1252', true];
        text = strict(block);
        warn(
          `${name} is not UTF-8: it is read as Windows-1252 (line ${lines + 1 + lineOf(block, isAscii)}); --encoding names another`,
        );
      }
      if (text === undefined) {
        const line = isWide(encoding)
          ? countLines(new TextDecoder(encoding).decode(block).split('\ufffd', 1)[0])
          : lineOf(block, (bytes) => strict(bytes) !== undefined);
        const what = `${(isInferred ? 'utf-8' : encoding).toUpperCase()} for ${name} line ${lines + 1 + line}`;
        throw undecodable(what, isWide(encoding) ? undefined : linesOf(block)[line], fix);
      }
      isOpen &&= isAscii(block);
      lines += countLines(text);
      return text;
    },
  };
}

/**
 * Decodes a whole text, UTF-8 or UTF-16.
 * @throws InputError naming the line that is not of the encoding
 */
export function decodeText(bytes: Buffer, name: string): string {
  const { markLength, decode } = textDecoding(name, bytes.subarray(0, START_BYTES));
  return decode(bytes.subarray(markLength));
}

/** The name of an encoding by one of its labels. @throws UsageError for an unknown one */
export function encodingNamed(label: string, where = '--encoding'): string {
  try {
    return new TextDecoder(label, { fatal: true }).encoding;
  } catch {
    throw usage('an encoding such as utf-8, utf-16le, windows-1252 or shift_jis', where, label);
  }
}

function isWide(encoding: string): boolean {
  return encoding.startsWith('utf-16');
}

/** The text, or undefined where its bytes are not of the encoding. */
function decodeStrictly(bytes: Buffer, encoding: string): string | undefined {
  if (isAscii(bytes) && !isWide(encoding) && encoding !== 'iso-2022-jp') return bytes.toString('latin1');
  if (encoding === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (encoding === 'windows-1252') {
    // Node's own decoder takes 0x80 to 0x9F for control characters.
    const text = bytes
      .toString('latin1')
      .replace(/[\x80-\x9f]/g, (byte) => CP1252[byte.charCodeAt(0) - 0x80]);
    return text.includes('\ufffd') ? undefined : text;
  }
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * UTF-16 without a mark: the letters, separators and line ends of a list are ASCII enough that every other byte is mostly
 * zero. Text in any other encoding has no zeros at all.
 */
function wideEncoding(start: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const zeros = [0, 0];
  const units = Math.floor(start.length / 2);
  for (let i = 0; i < 2 * units; i++) if (start[i] === 0) zeros[i % 2]++;
  const [even, odd] = zeros;
  if (Math.max(even, odd) < units / 8) return undefined;
  if (odd > 2 * even) return 'utf-16le';
  return even > 2 * odd ? 'utf-16be' : undefined;
}

/** Letters that all code pages for languages in Latin letters have at the same place: Ä Ö Ü ä ö ü ß É é. */
const LATIN: ReadonlySet<number> = new Set([0xc4, 0xd6, 0xdc, 0xe4, 0xf6, 0xfc, 0xdf, 0xc9, 0xe9]);
const SHARP_S = 0xdf;

/**
 * Whether bytes that are no UTF-8 are certain to be Windows-1252, or to mean the same as if they were. A byte alone
 * never tells (0xE8 is è, č or и), but text has only {@link LATIN} letters, each beside an ASCII letter and none beside
 * another (but for ß), where it is no run of Greek, Cyrillic or Chinese.
 */
function isWestern(bytes: Buffer): boolean {
  return bytes.every((byte, i) => {
    if (byte < 0x80) return true;
    const [before, after] = [bytes[i - 1] ?? 0, bytes[i + 1] ?? 0];
    const isAlone = (before < 0x80 || byte === SHARP_S) && (after < 0x80 || after === SHARP_S);
    return LATIN.has(byte) && isAlone && (isLetter(before) || isLetter(after));
  });
}

function isLetter(byte: number): boolean {
  return /[A-Za-z]/.test(String.fromCharCode(byte));
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Bytes without a line feed after which a carriage return is taken for a line's end, as old Macs wrote it. */
const LONG_LINE = 2 ** 16;

function lineEnd(bytes: Buffer, encoding: string): number {
  if (!isWide(encoding)) {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    return end > 0 || bytes.length < LONG_LINE ? end : bytes.lastIndexOf(CARRIAGE_RETURN, -2) + 1;
  }
  const low = encoding === 'utf-16le' ? 0 : 1;
  for (
    let index = bytes.lastIndexOf(LINE_FEED);
    index >= 0;
    index = index > 0 ? bytes.lastIndexOf(LINE_FEED, index - 1) : -1
  ) {
    if (index % 2 === low && bytes[index + 1 - 2 * low] === 0) return index + 2 - low;
  }
  return 0;
}

function linesOf(block: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < block.length; ) {
    const end = block.indexOf(LINE_FEED, start);
    lines.push(block.subarray(start, end < 0 ? block.length : end));
    start = end < 0 ? block.length : end + 1;
  }
  return lines;
}

/** The first line that does not fit, from 0. */
function lineOf(block: Buffer, fits: (line: Buffer) => boolean): number {
  return Math.max(
    0,
    linesOf(block).findIndex((line) => !fits(line)),
  );
}

function countLines(text: string): number {
  let lines = 0;
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) lines++;
  return lines;
}

function undecodable(what: string, line: Buffer | undefined, fix: string): InputError {
  if (!line) return new InputError(`Expected ${what} but it is damaged there: ${fix}`);
  const index = Math.max(
    0,
    line.findIndex((byte) => byte >= 0x80),
  );
  const shown = line
    .subarray(Math.max(0, index - CONTEXT), index + CONTEXT)
    .toString('latin1')
    .replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return new InputError(`Expected ${what} but received "${shown}": ${fix}`);
}
