/** Opens zip and tar archives by how their names end. */
import type { Archive } from './archive.ts';

const KINDS: readonly [ending: RegExp, open: (file: string) => Promise<Archive>][] = [
  [/\.zip$/i, async (file) => (await import('./zip.ts')).openZip(file)],
  [/\.(tar|tar\.gz|tgz)$/i, async (file) => (await import('./tar.ts')).openTar(file)],
];

/** Whether a file's name is that of an archive. */
export function isArchive(file: string): boolean {
  return KINDS.some(([ending]) => ending.test(file));
}

/** @throws InputError for a file that is no archive of the kind that its name says, or beyond the limits of archives */
export async function openArchive(file: string): Promise<Archive> {
  return KINDS.find(([ending]) => ending.test(file))![1](file);
}
