/** What of the activations that are wanted is cached, and what computing the rest takes. */
import { statfs } from 'node:fs/promises';
import { InputError } from '../../shared/errors.ts';
import { counted } from '../../shared/plural.ts';
import type { ActivationLayout } from '../../shared/store/activations/request.ts';
import { expectedBytes } from '../../shared/store/activations/schema.ts';
import { partRows } from '../../shared/store/activations/writer.ts';
import type { Content } from '../../shared/store/content.ts';

/** An image whose activation is wanted. */
export interface WantedImage {
  /** Relative to the folder of the photos, with forward slashes. */
  path: string;
  /** Of its file, in hex. */
  sha256: string;
  /** Augmented views of it that are wanted, too. */
  views: number;
}

/** What one photo is to give. */
export interface WantedContent {
  sha256: string;
  /** Where it is; copies have several. */
  paths: readonly string[];
  /** 0: the image itself. */
  views: readonly number[];
}

/** Images by their content: copies are computed once. */
export function wantedContents(images: readonly WantedImage[]): WantedContent[] {
  const found = new Map<string, { paths: string[]; views: number }>();
  for (const { path, sha256, views } of images) {
    const before = found.get(sha256);
    if (before) {
      before.paths.push(path);
      before.views = Math.max(before.views, views);
    } else found.set(sha256, { paths: [path], views });
  }
  return Array.from(found, ([sha256, { paths, views }]) => ({
    sha256,
    paths,
    views: Array.from({ length: views + 1 }, (_, view) => view),
  }));
}

/** Rows of some kind and the bytes that they take on disk. */
export interface Extent {
  rows: number;
  bytes: number;
}

export interface CachePlan {
  /** All that is wanted. */
  wanted: Extent;
  /** What is not cached. */
  missing: Extent;
  /** The photos that have to be read, each with the views that are missing. */
  toCompute: WantedContent[];
}

/** @param has whether an activation is cached */
export function planCache(
  contents: readonly WantedContent[],
  layout: ActivationLayout,
  has: (content: Content) => boolean,
): CachePlan {
  const toCompute: WantedContent[] = [];
  for (const { sha256, paths, views } of contents) {
    const missing = views.filter((view) => !has({ sha256, view }));
    if (missing.length > 0) toCompute.push({ sha256, paths, views: missing });
  }
  return { wanted: extentOf(contents, layout), missing: extentOf(toCompute, layout), toCompute };
}

function extentOf(contents: readonly WantedContent[], layout: ActivationLayout): Extent {
  let [rows, paths] = [0, 0];
  for (const { paths: own, views } of contents) {
    rows += views.length;
    paths += views.length * Buffer.byteLength(own[0]);
  }
  const parts = Math.ceil(rows / partRows(layout));
  return { rows, bytes: expectedBytes(layout, { rows, parts, paths }) };
}

/** Bytes that the activations of images will take on disk, to 1 %. */
export function cacheBytes(images: readonly WantedImage[], layout: ActivationLayout): number {
  return extentOf(wantedContents(images), layout).bytes;
}

/** What a cache holds, for messages: `1200 images and 4800 views of 7x7x320 float16, 188.2 MB`. */
export function cacheText(
  contents: readonly WantedContent[],
  { wanted }: Pick<CachePlan, 'wanted'>,
  { shape, dtype }: ActivationLayout,
): string {
  const views = wanted.rows - contents.length;
  const what = `${counted(contents.length, 'image')}${views > 0 ? ` and ${counted(views, 'view')}` : ''}`;
  return `activations of ${what}, ${shape.join('x')} ${dtype}, ${sizeText(wanted.bytes)}`;
}

/** Bytes for people: `31.4 MB`. */
export function sizeText(bytes: number): string {
  const [unit, name] = UNITS.find(([size]) => bytes >= size) ?? [1000, 'kB'];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}

const UNITS: readonly [size: number, name: string][] = [
  [1e9, 'GB'],
  [1e6, 'MB'],
];

const SMALLER = 'cut nearer to the end (--from), take --cache-dtype int8, or fewer views';

/** @throws InputError when more is wanted than `--max-cache` allows */
export function checkMaxBytes({ wanted, missing }: CachePlan, maxBytes: number | undefined): void {
  if (maxBytes === undefined || missing.rows === 0 || wanted.bytes <= maxBytes) return;
  throw new InputError(
    `Expected at most ${sizeText(maxBytes)} of activations (--max-cache) but ${counted(wanted.rows, 'row')} take ${sizeText(wanted.bytes)}: ${SMALLER}`,
  );
}

/** @throws InputError when what is missing does not fit on the disk of `dir` */
export async function checkDisk({ missing }: CachePlan, dir: string): Promise<void> {
  // Some network folders do not tell: a full disk shows later, then.
  const disk = await statfs(dir).catch(() => undefined);
  if (!disk || disk.blocks === 0) return;
  const free = disk.bavail * disk.bsize;
  if (missing.bytes <= free) return;
  throw new InputError(
    `Expected ${sizeText(missing.bytes)} free for activations on the disk of ${dir} but it has ${sizeText(free)}: give another --cache, ${SMALLER}`,
  );
}
