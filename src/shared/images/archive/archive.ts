/** What holds for zip and tar archives alike: which entries count, what is said of the others, and limits. */
import { basename } from 'node:path';
import { InputError, shown } from '../../errors.ts';

/** An archive's files by their paths. */
export interface Archive {
  entries: string[];
  /** What was skipped, one sentence each. */
  notes: string[];
  read(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

export type EntryKind = 'file' | 'folder' | 'link' | 'other';

/** An image file of more bytes than this is no image: what an archive claims is not allocated blindly. */
const MAX_ENTRY_BYTES = 2 ** 30;
/** Names and places of so many entries take about 2 GB of memory. */
const MAX_ENTRIES = 5_000_000;
/** Unpacked bytes for each packed one; photos are near 1, drawings and masks without compression below 100. */
const MAX_RATIO = 200;
/** No more than this does harm whatever the ratio. */
const RATIO_FROM = 2 ** 27;
const MAX_UNPACKED_BYTES = 2 ** 42;
/** No file system has longer paths, and no data set deeper ones. */
const MAX_PATH = 4096;
const MAX_DEPTH = 100;

/**
 * @param packed the bytes of the archive's file
 * @throws InputError for what no archive of images unpacks to
 */
export function checkUnpacked(file: string, unpacked: number, packed: number): void {
  if (unpacked > RATIO_FROM && unpacked > MAX_RATIO * packed)
    throw tooLarge(
      file,
      `at most ${MAX_RATIO} unpacked bytes for each packed one`,
      `${unpacked} of ${packed}`,
    );
  if (unpacked > MAX_UNPACKED_BYTES)
    throw tooLarge(file, `at most ${MAX_UNPACKED_BYTES} unpacked bytes`, `${unpacked}`);
}

function tooLarge(file: string, limit: string, found: string): InputError {
  return new InputError(
    `Expected ${limit} in ${basename(file)} but found ${found}. If it is an archive of images, unpack it and give the folder`,
  );
}

/** @throws InputError for an entry too large to be an image */
export function checkEntrySize(size: number): void {
  if (size > MAX_ENTRY_BYTES)
    throw new InputError(`an archive entry of ${size} bytes; at most ${MAX_ENTRY_BYTES} are read`);
}

/** The failure of reading a path that no entry has, as for a file. */
export function noSuchEntry(): Error {
  return Object.assign(new Error('no such entry'), { code: 'ENOENT' });
}

/** The error for a file that is no archive of its kind. */
export function damaged(kind: string, file: string, reason: string): InputError {
  return new InputError(`Expected a ${kind} archive but ${basename(file)} is damaged: ${reason}`);
}

/** Why an entry was skipped. */
type Reason = 'outside' | 'long' | 'link' | 'other' | 'repeated';

const SENTENCES: Readonly<Record<Reason, string>> = {
  outside: 'Entries with paths that lead out of the archive were skipped',
  long: `Entries with paths of more than ${MAX_PATH} characters or ${MAX_DEPTH} folders were skipped`,
  link: 'Entries that are links were skipped',
  other: 'Entries that are neither files nor folders (devices, sparse files) were skipped',
  repeated: 'Entries with the path of an earlier one replace it',
};

/** Gathers the files of an archive as its entries are listed. */
export interface EntryList<P> {
  /** @throws InputError when the archive exceeds a limit */
  add(entry: { name: string; kind: EntryKind; size: number }, place: P): void;
  /** Where each file's bytes are, by path. */
  places: ReadonlyMap<string, P>;
  notes(): string[];
}

/** @param packed the bytes of the archive's file */
export function createEntryList<P>(file: string, packed: number): EntryList<P> {
  const places = new Map<string, P>();
  const passedOver = new Map<Reason, { first: string; count: number }>();
  const say = (reason: Reason, name: string): void => {
    const { first, count } = passedOver.get(reason) ?? { first: name, count: 0 };
    passedOver.set(reason, { first, count: count + 1 });
  };
  let unpacked = 0;
  let entries = 0;
  return {
    places,
    add({ name, kind, size }, place) {
      entries++;
      if (entries > MAX_ENTRIES) throw tooLarge(file, `at most ${MAX_ENTRIES} entries`, 'more');
      unpacked += size;
      checkUnpacked(file, unpacked, packed);
      if (name.length > MAX_PATH || name.split('/').length > MAX_DEPTH) return say('long', name);
      const path = pathInArchive(name);
      if (path === undefined) say('outside', name);
      else if (kind === 'link' || kind === 'other') say(kind, name);
      else if (kind === 'file' && path !== '') {
        if (places.has(path)) say('repeated', name);
        places.set(path, place);
      }
    },
    notes: () =>
      [...passedOver].map(
        ([reason, { first, count }]) =>
          `${SENTENCES[reason]}: ${shown(first)}${count > 1 ? ` and ${count - 1} more` : ''}`,
      ),
  };
}

/** A path without empty and `.` segments, or undefined for one that is absolute, climbs or is none. */
function pathInArchive(name: string): string | undefined {
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  const isAbsolute = /^([\\/]|[a-zA-Z]:[\\/])/.test(name);
  const climbs = name.split(/[\\/]/).includes('..');
  return isAbsolute || climbs || name.includes('\0') ? undefined : segments.join('/');
}
