/** `cache merge`: joins cached activations of one pipeline, such as those of shards, without computing anything again. */
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { openActivationFolder } from '../shared/store/activations/folder.ts';
import { openActivations } from '../shared/store/activations/reader.ts';
import { activationLength } from '../shared/store/activations/request.ts';
import {
  ACTIVATIONS_FOLDER,
  type ActivationManifest,
  activationFolder,
  layoutOf,
  readActivationManifest,
} from '../shared/store/activations/schema.ts';
import { readPaths, readStored, requestOf, type StoredPart } from '../shared/store/activations/stored.ts';
import type { ActivationWriter } from '../shared/store/activations/writer.ts';

/** What was merged. */
export interface MergedActivations {
  out: string;
  folders: number;
  rows: number;
}

/**
 * Joins folders of activations, those of each pipeline for themselves, into folders below `out`, which keep what they have.
 * Those beside a store go to the folder of activations in `out`. Copies count once.
 * @throws InputError for activations that are damaged
 */
export async function mergeActivations(dirs: readonly string[], out: string): Promise<MergedActivations[]> {
  const groups = new Map<string, { dir: string; manifest: ActivationManifest }[]>();
  for (const dir of dirs) {
    const manifest = (await readActivationManifest(dir))!;
    const isBesideStore = basename(dirname(dir)) === ACTIVATIONS_FOLDER;
    const target = join(out, isBesideStore ? ACTIVATIONS_FOLDER : '', activationFolder(manifest));
    if (resolve(target) === resolve(dir)) continue;
    groups.set(target, [...(groups.get(target) ?? []), { dir, manifest }]);
  }
  const merged: MergedActivations[] = [];
  for (const [target, sources] of groups) {
    const { pipeline, columns } = sources[0].manifest;
    const folder = await openActivationFolder(target, { pipeline, columns });
    try {
      const writer = await folder.startWriting(pipeline.engine);
      for (const { dir, manifest } of sources) await copyRows(dir, manifest, writer);
      await writer.finish();
      const rows = writer.parts.reduce((sum, part) => sum + part.rows, 0);
      merged.push({ out: target, folders: sources.length, rows });
    } finally {
      await folder.close();
    }
  }
  return merged;
}

async function copyRows(dir: string, manifest: ActivationManifest, writer: ActivationWriter): Promise<void> {
  const { parts, damage } = await readStored(dir, manifest);
  if (damage.length > 0) throw new InputError(damage[0]);
  for (const part of parts) await copyPart(dir, manifest, part, writer);
}

/** What is read and rounded again is what was stored: every dtype's rounding leaves its own numbers as they are. */
async function copyPart(
  dir: string,
  manifest: ActivationManifest,
  part: StoredPart,
  writer: ActivationWriter,
): Promise<void> {
  const layout = layoutOf(manifest);
  const paths = await readPaths(dir, part.entry, layout);
  const hashes = Buffer.from(part.sha256);
  const activation = new Float32Array(activationLength(layout));
  const features = layout.columns.map(({ dimension }) => new Float32Array(dimension));
  const reader = openActivations(requestOf(layout, [part]));
  try {
    for (const [row, view] of part.views.entries()) {
      const sha256 = hashes.toString('hex', row * 32, (row + 1) * 32);
      if (writer.has({ sha256, view })) continue;
      const rows = Int32Array.of(row);
      await reader.read(rows, activation);
      for (const [i, { name }] of layout.columns.entries()) await reader.column(name, rows, features[i]);
      await writer.append({ path: paths[row], sha256, view }, activation, features);
    }
  } finally {
    await reader.close();
  }
}
