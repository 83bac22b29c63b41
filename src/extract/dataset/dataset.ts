/** The images to extract features of, with their labels, from whatever way they are kept in. */
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { InputError, shownPath, unexpected } from '../../shared/errors.ts';
import { isArchive, openArchive } from '../../shared/images/archive/open.ts';
import { hasImageExtension } from '../../shared/images/formats.ts';
import { findFile, namesAmong, namesBelow } from '../../shared/images/names.ts';
import { classNameNotes } from '../../shared/manifest/class-names.ts';
import { type ManifestOptions, ROLES } from '../../shared/manifest/columns.ts';
import { keptName } from '../../shared/manifest/labels.ts';
import { hasManifestExtension, MANIFEST_EXTENSIONS } from '../../shared/manifest/rows.ts';
import { splitNamed } from '../../shared/manifest/splits.ts';
import { counted, plural } from '../../shared/plural.ts';
import type { Shard } from '../../shared/store/schema.ts';
import { type FolderOptions, manifestsIn, readFolders } from './folders.ts';
import type { DatasetImage, ImageSource, Images, Listing } from './layout.ts';
import { manifestImages } from './manifest.ts';
import { globFiles, isGlob, readGlob, readList } from './paths.ts';
import { isTable, isTableGlob } from './table.ts';
import { readTables } from './tables.ts';
import { archiveTree, filesBelow, folderTree, type Tree } from './tree.ts';

export interface Dataset extends Listing {
  /** A name for output folders: the folder's, or for a manifest its folder's and its own. */
  name: string;
  source: ImageSource;
  /** The shard of the dataset that the images are, where it has shards. */
  shard?: Shard;
}

export interface DatasetOptions extends ManifestOptions, FolderOptions {
  /**
   * A folder of class folders or tables, a .csv, .tsv or .jsonl manifest, a zip or tar archive of either, a .parquet or .arrow
   * table with image bytes, a glob, or `-` for paths on stdin.
   */
  data: string;
  /** What paths of a manifest, a glob or stdin are relative to; default: the manifest's folder, the working folder. */
  root?: string;
  /** Whether links are followed. */
  follow?: boolean;
  /** What `-` reads. */
  stdin?: Readable;
}

const KINDS = `a folder, a glob, a ${[...MANIFEST_EXTENSIONS].join(', ')} manifest, a .zip, .tar or .tar.gz archive, or a .parquet or .arrow table`;

/**
 * Lists a dataset without reading its images. An archive or a table stays open until `source.close()`.
 * @throws InputError when there is nothing at `data`, or nothing that can be read
 */
export async function openDataset({ data, follow = true, ...options }: DatasetOptions): Promise<Dataset> {
  const { root, labelLevel } = options;
  if (labelLevel !== undefined && !(Number.isSafeInteger(labelLevel) && labelLevel > 0))
    throw unexpected('a whole number from 1', '--label-level', labelLevel);
  const refuseOptions = () => {
    refuseManifestOptions(options, data);
    refuseEncoding(options, data);
  };
  if (data === '-') {
    refuseManifestOptions(options, data);
    const base = await folderAt(root ?? '.');
    const names = namesBelow(base);
    const listed = { ...options, root: base, names };
    const { found, ...images } = await readList(options.stdin ?? process.stdin, listed);
    return dataset(`${basename(base)}-list`, filesBelow(base, { found, names }), images);
  }
  const path = (await findFile(resolve(data))) ?? resolve(data);
  const found = await stat(path).catch(() => undefined);
  if (!found && isGlob(data)) {
    const base = await folderAt(root ?? '.');
    const name = basename(resolve(base, data.split(/[*?{[]/)[0]));
    const tables = isTableGlob(data) ? await globFiles(data, base, follow) : [];
    if (tables.length > 0) return tableDataset(name, base, tables.filter(isTable), options);
    refuseOptions();
    const images = await readGlob(data, base, { follow, labelLevel });
    return dataset(name, filesBelow(base, { listed: true }), images);
  }
  if (root !== undefined && !(found?.isFile() && hasManifestExtension(path)))
    throw unexpected('a manifest, a glob or a list with --root', '--data', data);
  if (found?.isDirectory()) {
    const tree = await folderTree(path, { follow });
    const tables = tree.files.some(hasImageExtension) ? [] : tree.files.filter(isTable);
    if (tables.length > 0) return tableDataset(basename(path), path, tables, options);
    refuseOptions();
    return dataset(basename(path), tree.source, readFolders(tree, { labelLevel }));
  }
  if (found?.isFile()) return openFile(path, options);
  if (!found) throw new InputError(`No such file or folder: ${shownPath(data)} (--data)`);
  throw unexpected(KINDS, `--data ${data}`, 'neither file nor folder');
}

function refuseManifestOptions({ columns = {}, separator }: ManifestOptions, data: string): void {
  const role = ROLES.find((name) => columns[name] !== undefined);
  const flag = role === undefined ? 'label-separator' : `${role}-column`;
  if (role !== undefined || separator !== undefined)
    throw unexpected(`a manifest or a table with --${flag}`, '--data', data);
}

function refuseEncoding({ encoding }: ManifestOptions, data: string): void {
  if (encoding !== undefined) throw unexpected('a manifest or a list with --encoding', '--data', data);
}

function refuseLabelLevel({ labelLevel }: FolderOptions, data: string): void {
  if (labelLevel !== undefined) throw unexpected('folders of images with --label-level', '--data', data);
}

/** Tables that are one data set, by their paths relative to `root`. */
async function tableDataset(
  name: string,
  root: string,
  files: readonly string[],
  options: ManifestOptions & FolderOptions,
): Promise<Dataset> {
  refuseEncoding(options, files[0]);
  refuseLabelLevel(options, files[0]);
  const paths = files.map((file) => join(root, file));
  const { source, ...images } = await readTables(paths, root, options);
  return dataset(name, source, images);
}

async function openFile(path: string, options: Omit<DatasetOptions, 'data'>): Promise<Dataset> {
  const ending = basename(path).replace(/(\.tar)?\.[^.]*$/, '');
  const name = `${basename(dirname(path))}-${ending}`;
  if (hasManifestExtension(path)) {
    refuseLabelLevel(options, path);
    const root = await folderAt(options.root ?? dirname(path));
    const names = namesBelow(root);
    const { found, ...images } = await manifestImages(path, createReadStream(path), {
      ...options,
      root,
      names,
    });
    return dataset(name, filesBelow(root, { found, names }), images);
  }
  if (isTable(path)) {
    return tableDataset(name, dirname(path), [basename(path)], options);
  }
  if (!isArchive(path))
    throw new InputError(`Expected ${KINDS} for --data but ${basename(path)} is none of them`);
  const opened = await openArchive(path);
  try {
    const tree = archiveTree(path, opened.entries, isRoot, opened);
    if (tree.files.length === 0) throw emptyArchive(path, opened.notes);
    const { source, ...images } = await imagesInside(tree, options);
    const notes = [...images.notes, ...opened.notes];
    return dataset(name, { ...source, archive: path }, { ...images, notes });
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

function emptyArchive(path: string, notes: readonly string[]): InputError {
  const found = notes.length === 0 ? 'no file in it' : `none in it. ${notes.join('. ')}`;
  return new InputError(`Expected images in ${basename(path)} but found ${found}`);
}

/** A manifest at the top of an archive says what is in it; without one, its folders do. */
async function imagesInside(
  { source, ...tree }: Tree,
  options: ManifestOptions & FolderOptions,
): Promise<Images & { source: ImageSource }> {
  const manifests = manifestsIn(tree.files);
  if (manifests.length !== 1) {
    refuseManifestOptions(options, tree.name);
    refuseEncoding(options, tree.name);
    return { ...readFolders({ source, ...tree }, options), source };
  }
  const [manifest] = manifests;
  refuseLabelLevel(options, `${tree.name} with ${manifest}`);
  const names = namesAmong(tree.files);
  // The root of an archive is no folder on disk; any will do to see that a path does not lead out of it.
  const { found, ...images } = await manifestImages(manifest, await tree.stream(manifest), {
    ...options,
    root: '/',
    names,
  });
  const read = (path: string) => source.read(found.get(path) ?? path);
  return { ...images, source: { ...source, read, near: names.near } };
}

/** Whether these can be all files of a dataset: a manifest on top, or images in folders, where the folder around is no split. */
function isRoot(paths: string[], folder: string): boolean {
  if (manifestsIn(paths).length === 1) return true;
  const images = paths.filter(hasImageExtension);
  return images.length > 0 && images.every((path) => path.includes('/')) && !splitNamed(folder);
}

async function folderAt(path: string): Promise<string> {
  const folder = resolve(path);
  if ((await stat(folder).catch(() => undefined))?.isDirectory()) return folder;
  throw unexpected('a folder', '--root', path);
}

function _kind(found: Stats | undefined): string {
  return found ? 'neither file nor folder' : 'nothing by that name';
}

function dataset(name: string, source: ImageSource, listing: Images): Dataset {
  const labels = new Set<string>();
  let unlabelled = 0;
  const images = listing.images.map((image) => withKeptLabels(image));
  for (const image of images) {
    for (const label of image.labels) labels.add(label);
    if (image.labels.length === 0) unlabelled++;
  }
  const classes = [...labels].sort();
  const said = [...listing.notes, ...classNameNotes(classes)];
  if (classes.length === 1) {
    said.push(
      `There is one class only, ${JSON.stringify(classes[0])}: features can be extracted, but no head trained`,
    );
  }
  if (unlabelled > 0)
    said.push(
      `${unlabelled} of ${counted(images.length, 'image')} ${plural(unlabelled, 'has', 'have')} no label`,
    );
  return { name, source, images, classes, notes: said };
}

/** A class is one in whatever Unicode form its name comes; lists that are as they should be stay shared. */
function withKeptLabels(image: DatasetImage): DatasetImage {
  const labels = image.labels.map((label) => keptName(label, `the label of ${image.path}`));
  const isKept = labels.every((label, i) => label === image.labels[i]);
  return isKept ? image : { ...image, labels: [...new Set(labels)] };
}
