/** Images that are in a store twice with different labels: one of the two must be wrong. */
import { join } from 'node:path';
import { disk, writeDurably } from './files.ts';
import type { RowRecord } from './part-buffer.ts';
import { CONFLICTS_FILE } from './schema.ts';

/**
 * Lists them in conflicts.jsonl, one image a line (`{"sha256": ..., "images": [{"path", "labels"}, ...]}`); without
 * any there is no such file.
 * @returns how many images there are
 */
export async function writeConflicts(dir: string, rows: readonly RowRecord[]): Promise<number> {
  const conflicts = conflictsIn(rows);
  const path = join(dir, CONFLICTS_FILE);
  if (conflicts.length > 0)
    await writeDurably(path, conflicts.map((line) => `${JSON.stringify(line)}\n`).join(''));
  else await disk.rm(path, { force: true });
  return conflicts.length;
}

interface Conflict {
  sha256: string;
  images: { path: string; labels: string[] }[];
}

function conflictsIn(rows: readonly RowRecord[]): Conflict[] {
  const first = new Map<string, RowRecord>();
  const odd = new Set<string>();
  for (const record of rows) {
    const known = first.get(record.sha256);
    if (!known) first.set(record.sha256, record);
    else if (labelKey(known.labels) !== labelKey(record.labels)) odd.add(record.sha256);
  }
  return Array.from(odd, (sha256) => ({
    sha256,
    images: rows
      .filter((record) => record.sha256 === sha256 && record.view === 0)
      .map(({ path, labels }) => ({ path, labels })),
  }));
}

/** Equal for the same labels, in whatever order. */
export function labelKey(labels: readonly string[]): string {
  return JSON.stringify([...labels].sort());
}
