/** What is said of images that were read, but not as they stand: once for all of a kind, by name. */
import { shownPath } from '../errors.ts';
import { counted, plural } from '../plural.ts';
import type { Note } from './depth.ts';

/** Names in one message; of the others the number. */
const MAX_NAMES = 5;

export interface Notes {
  /** Takes what is noted of one image. */
  of(name: string): Note;
  /** One sentence for each kind of note, of `total` images. */
  sentences(total: number): string[];
}

export function createNotes(): Notes {
  const names = new Map<string, Set<string>>();
  return {
    of: (name) => (text) => {
      names.set(text, (names.get(text) ?? new Set()).add(shownPath(name)));
    },
    sentences: (total) =>
      Array.from(names, ([text, found]) => {
        const first = [...found].sort().slice(0, MAX_NAMES);
        const more = found.size > first.length ? ` and ${found.size - first.length} more` : '';
        const some = `${found.size} of ${counted(total, 'image')} ${plural(found.size, 'has', 'have')}`;
        return `${some} ${text}: ${first.join(', ')}${more}`;
      }),
  };
}
