/** Images that are in a store twice with different labels: one of the two must be wrong. */
import { join } from 'node:path';
import { disk, jsonLines, writeDurably } from './files.ts';
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
  if (conflicts.length > 0) await writeDurably(path, jsonLines(conflicts));
  else await disk.rm(path, { force: true });
  return conflicts.length;
}

interface Conflict {
  sha256: string;
  images: { path: string; labels: string[] }[];
}

function conflictsIn(rows: readonly RowRecord[]): Conflict[] {
  const first = new Map<string, RowRecord>();
  const conflicts = new Map<string, Conflict>();
  for (const record of rows) {
    const { sha256, view, labels } = record;
    if (view !== 0) continue;
    const earlier = first.get(sha256);
    if (!earlier) first.set(sha256, record);
    else if (!conflicts.has(sha256) && labelKey(earlier.labels) !== labelKey(labels))
      conflicts.set(sha256, { sha256, images: [] });
  }
  if (conflicts.size === 0) return [];
  for (const { sha256, view, path, labels } of rows)
    if (view === 0) conflicts.get(sha256)?.images.push({ path, labels });
  return [...conflicts.values()];
}

/** Equal for the same labels, in whatever order. */
export function labelKey(labels: readonly string[]): string {
  return JSON.stringify([...labels].sort());
}
