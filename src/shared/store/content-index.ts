/**
 * Where the features of each content are: an open-addressing hash table of row numbers. A store has many rows, and a
 * Map of their contents would take ten times as much memory.
 */
import type { Content } from './content.ts';
import type { RowRecord } from './part-buffer.ts';
import type { StoredPart } from './stored-parts.ts';

/** Where features are: the part file and the row. */
export interface Place {
  part: string;
  row: number;
}

export interface ContentIndex {
  /** Enters all rows of a part; where a content is in several rows, the last of them counts. */
  add(part: StoredPart): void;
  has(content: Content): boolean;
  place(content: Content): Place | undefined;
}

const FIRST_SLOTS = 1 << 10;
/** The golden ratio, as Knuth's multiplicative hashing takes it: views of one image do not crowd each other. */
const SPREAD = 0x9e3779b1;

/** An empty index. */
export function contentIndex(): ContentIndex {
  const parts: StoredPart[] = [];
  // Two numbers a slot: the part, counted from 1 (0: nothing is here), and the row.
  let slots = new Int32Array(2 * FIRST_SLOTS);
  let filled = 0;

  const recordIn = (slot: number): RowRecord => parts[slots[2 * slot] - 1].records[slots[2 * slot + 1]];

  /** The slot of a content, or the empty one where it belongs. */
  const slotOf = ({ sha256, view }: Content): number => {
    const last = slots.length / 2 - 1;
    let slot = (Number.parseInt(sha256.slice(0, 8), 16) + Math.imul(view, SPREAD)) & last;
    for (; slots[2 * slot] !== 0; slot = (slot + 1) & last) {
      const record = recordIn(slot);
      if (record.sha256 === sha256 && record.view === view) break;
    }
    return slot;
  };

  const put = (part: number, row: number): void => {
    const slot = slotOf(parts[part - 1].records[row]);
    if (slots[2 * slot] === 0) filled++;
    slots[2 * slot] = part;
    slots[2 * slot + 1] = row;
  };

  /** At most half of the slots are taken, so that a search takes two or three steps. */
  const grow = (): void => {
    const before = slots;
    slots = new Int32Array(2 * before.length);
    filled = 0;
    for (let slot = 0; slot < before.length; slot += 2)
      if (before[slot] !== 0) put(before[slot], before[slot + 1]);
  };

  return {
    add(part) {
      parts.push(part);
      while (filled + part.records.length > slots.length / 4) grow();
      for (const row of part.records.keys()) put(parts.length, row);
    },
    has: (content) => slots[2 * slotOf(content)] !== 0,
    place(content) {
      const slot = slotOf(content);
      if (slots[2 * slot] === 0) return undefined;
      return { part: parts[slots[2 * slot] - 1].entry.file, row: slots[2 * slot + 1] };
    },
  };
}
