/** The images to extract features of, with their labels: from class folders or from a manifest. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { unexpected } from '../../shared/errors.ts';
import type { Shard } from '../../shared/store/schema.ts';
import { readFolders } from './folders.ts';
import type { Listing } from './layout.ts';
import { MANIFEST_EXTENSIONS, readManifest } from './manifest.ts';

export interface Dataset extends Listing {
  /** A name for output folders: the folder's, or for a manifest its folder's and its own. */
  name: string;
  /** Which part of the dataset the images are, where it is shared out. */
  shard?: Shard;
}

/**
 * Lists a dataset without reading its images.
 * @param data a folder of class folders, or a .csv, .tsv or .jsonl manifest
 * @param root what the paths of a manifest are relative to; default: the manifest's folder
 * @throws InputError when there is nothing at `data`, or neither of the two layouts
 */
export async function openDataset({ data, root }: { data: string; root?: string }): Promise<Dataset> {
  const path = resolve(data);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    if (root !== undefined) throw unexpected('a manifest to go with --root', '--data', data);
    return { name: basename(path), ...summarize(await readFolders(path)) };
  }
  if (!found?.isFile() || !MANIFEST_EXTENSIONS.has(extname(path).toLowerCase())) {
    throw unexpected(
      `a folder or a ${[...MANIFEST_EXTENSIONS].join(', ')} manifest`,
      `--data ${data}`,
      kind(found),
    );
  }
  const base = resolve(root ?? dirname(path));
  if (!(await stat(base).catch(() => undefined))?.isDirectory()) throw unexpected('a folder', '--root', root);
  const name = `${basename(dirname(path))}-${basename(path, extname(path))}`;
  return { name, ...summarize(await readManifest(path, base)) };
}

function kind(found: Stats | undefined): string {
  if (!found) return 'nothing by that name';
  return found.isFile() ? 'another kind of file' : 'neither file nor folder';
}

function summarize({ images, notes }: Omit<Listing, 'classes'>): Listing {
  const classes = [...new Set(images.flatMap(({ labels }) => labels))].sort();
  const unlabelled = images.filter(({ labels }) => labels.length === 0).length;
  const said = [...notes];
  if (classes.length === 1) {
    said.push(
      `There is one class only, ${JSON.stringify(classes[0])}: features can be extracted, but no head trained`,
    );
  }
  if (unlabelled > 0) said.push(`${unlabelled} of ${images.length} images have no label`);
  return { images, classes, notes: said };
}
