/** Tar archives, read without unpacking them; a compressed one is first unpacked to a temporary .tar file. */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { InputError, messageOf } from '../../shared/errors.ts';
import { type Archive, MOST_BYTES } from './zip.ts';

/** Tar files consist of blocks of this many bytes (POSIX.1, pax). */
const BLOCK = 512;
/** Extended headers (long names) are far smaller. */
const MOST_HEADER_BYTES = 2 ** 20;

interface Member {
  offset: number;
  size: number;
}

/** @throws InputError for a file that is no tar archive, or one that is cut short */
export async function openTar(file: string): Promise<Archive> {
  const unpacked = /z$/i.test(file) ? await gunzip(file) : undefined;
  const handle = await open(unpacked ? join(unpacked, 'archive.tar') : file);
  const close = async (): Promise<void> => {
    await handle.close();
    if (unpacked) await rm(unpacked, { recursive: true });
  };
  try {
    const members = await readMembers(handle);
    return {
      entries: [...members.keys()],
      async read(path) {
        const member = members.get(path);
        if (!member) throw Object.assign(new Error('no such entry'), { code: 'ENOENT' });
        return readBytes(handle, member);
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw new InputError(`Expected a tar archive but ${basename(file)} is damaged: ${messageOf(thrown)}`);
  }
}

async function gunzip(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-tar-'));
  try {
    await pipeline(createReadStream(file), createGunzip(), createWriteStream(join(folder, 'archive.tar')));
    return folder;
  } catch (thrown) {
    await rm(folder, { recursive: true });
    throw new InputError(
      `Expected a gzip-compressed tar archive but ${basename(file)} is damaged: ${messageOf(thrown)}`,
    );
  }
}

/** Names and places of all plain files; links and devices are passed over, and of two of a name the later counts. */
async function readMembers(handle: FileHandle): Promise<Map<string, Member>> {
  const { size: end } = await handle.stat();
  const members = new Map<string, Member>();
  let longName: string | undefined;
  let longSize: number | undefined;
  // An archive ends with blocks of zeros; one that ends without is cut short.
  for (let at = 0; ; ) {
    const header = await readBytes(handle, { offset: at, size: BLOCK });
    if (header.every((byte) => byte === 0)) return members;
    checkHeader(header);
    const type = String.fromCharCode(header[156]);
    const extension = type === 'L' || type === 'x' || type === 'g' || type === 'K';
    const size = (extension ? undefined : longSize) ?? numberAt(header, 124, 12);
    const member = { offset: at + BLOCK, size };
    if (member.offset + size > end) throw new Error('it is cut short');
    at = member.offset + Math.ceil(size / BLOCK) * BLOCK;
    if (extension) {
      if (size > MOST_HEADER_BYTES) throw new Error(`it has a header of ${size} bytes`);
      const text = (await readBytes(handle, member)).toString('utf8');
      if (type === 'L') longName = text.split('\0')[0];
      if (type === 'x') {
        const fields = paxFields(text);
        longName = fields.get('path') ?? longName;
        longSize = fields.has('size') ? Number(fields.get('size')) : undefined;
      }
      continue;
    }
    const name = safeName(longName ?? nameAt(header));
    if ((type === '0' || type === '\0') && name !== undefined) members.set(name, member);
    longName = undefined;
    longSize = undefined;
  }
}

async function readBytes(handle: FileHandle, { offset, size }: Member): Promise<Buffer> {
  if (size > MOST_BYTES) throw new InputError(`an entry of ${size} bytes`);
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await handle.read(bytes, 0, size, offset);
  if (bytesRead < size) throw new InputError('it is cut short');
  return bytes;
}

/** The sum of a header's bytes, its own field counted as spaces. */
function checkHeader(header: Buffer): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (sum !== numberAt(header, 148, 8)) throw new Error('a header does not match its checksum');
}

/** An octal number, or a binary one where the first bit is set (GNU, for large files). */
function numberAt(header: Buffer, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length);
  const value =
    field[0] & 0x80
      ? field.subarray(1).reduce((number, byte) => number * 256 + byte, field[0] & 0x7f)
      : Number.parseInt(field.toString('latin1').replace(/\0.*$/s, '').trim() || '0', 8);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error('a header holds no number where one belongs');
  return value;
}

function nameAt(header: Buffer): string {
  const text = (offset: number, length: number) =>
    header.toString('utf8', offset, offset + length).split('\0')[0];
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? text(345, 155) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

/** `length key=value\n` records. */
function paxFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, key, value] of text.matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)) fields.set(key, value);
  return fields;
}

/** The path inside the archive, or undefined for one that leads out of it. */
function safeName(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return name.startsWith('/') || parts.includes('..') || parts.length === 0 ? undefined : parts.join('/');
}
