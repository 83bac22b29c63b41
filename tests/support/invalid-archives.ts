/** Archives that mean no good, made byte by byte. */
import { gzipSync } from 'node:zlib';

export const BLOCK = 512;

/** What a tar header says; numbers are written in octal, strings as they are. */
export interface TarFields {
  name?: string;
  size?: number | string | Buffer;
  type?: string;
  link?: string;
  magic?: string;
  prefix?: string;
}

/** A header block with a right checksum. */
export function tarHeader({ name = 'a/1.png', size = 0, type = '0', link = '', ...rest }: TarFields): Buffer {
  const { magic = 'ustar\u000000', prefix = '' } = rest;
  const block = Buffer.alloc(BLOCK);
  const put = (text: string | Buffer, offset: number, length: number) =>
    Buffer.from(text as string, 'utf8').copy(block, offset, 0, length);
  put(name, 0, 100);
  for (const offset of [100, 108, 116]) put('0000644\0', offset, 8);
  put(typeof size === 'number' ? size.toString(8).padStart(11, '0') : size, 124, 12);
  put('00000000000\0', 136, 12);
  put(type, 156, 1);
  put(link, 157, 100);
  put(magic, 257, 8);
  put(prefix, 345, 155);
  return withChecksum(block);
}

/** Writes the sum of a header's bytes into it. */
export function withChecksum(block: Buffer): Buffer {
  block.fill(32, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A header with its contents, filled up to whole blocks. */
export function tarEntry(fields: TarFields, contents: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(contents as string);
  const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
  return Buffer.concat([tarHeader({ size: bytes.length, ...fields }), bytes, padding]);
}

/** A pax header with one record for the entry that follows. */
export function paxHeader(key: string, value: string): Buffer {
  const record = ` ${key}=${value}\n`;
  let length = record.length;
  while (`${length}${record}`.length !== length) length = `${length}${record}`.length;
  return tarEntry({ name: 'PaxHeader/x', type: 'x' }, `${length}${record}`);
}

export function tarFile(...entries: Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]);
}

/** What a zip's central directory says of an entry. */
export interface ZipFields {
  name: string;
  contents: Uint8Array;
  /** How many bytes it claims to unpack to. */
  size: number;
  method?: number;
  /** The Unix file mode. */
  mode?: number;
  crc?: number;
  flags?: number;
  /** Where its local header is, if not where it was written. */
  offset?: number;
}

/** A zip of these entries, whose claims need not be true. */
export function zipFile(entries: readonly ZipFields[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let written = 0;
  for (const { name, contents, size, method = 0, mode = 0, crc = 0, flags = 0x800, offset } of entries) {
    const bytes = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc, 10);
    shared.writeUInt32LE(contents.length, 14);
    shared.writeUInt32LE(size, 18);
    shared.writeUInt16LE(bytes.length, 22);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE((3 << 8) | 20, 4);
    shared.copy(central, 6);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(offset ?? written, 42);
    directory.push(central, bytes);
    if (offset !== undefined) continue;
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), shared, bytes, contents]);
    locals.push(local);
    written += local.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(written, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

/** Gzip of so many zeros, made piece by piece: members of a gzip file follow each other. */
export function gzipOfZeros(bytes: number): Buffer {
  const piece = gzipSync(Buffer.alloc(2 ** 24));
  return Buffer.concat(Array.from({ length: bytes / 2 ** 24 }, () => piece));
}
