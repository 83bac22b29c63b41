/** Paths of images as a tree of the folders that they lie in. */

/** A folder with an image in it or below it. */
export interface ImageFolder {
  name: string;
  /** From the root, with a slash behind it; nothing for the root. */
  path: string;
  /** Images right inside. */
  images: number;
  /** Images inside and below. */
  total: number;
  /** By their names. */
  folders: Map<string, ImageFolder>;
  parent?: ImageFolder;
}

/** @param name what messages call the root */
export function imageFolders(name: string, paths: Iterable<string>): ImageFolder {
  const root = emptyFolder(name, '');
  for (const path of paths) {
    let folder = root;
    folder.total++;
    for (let start = 0, end = path.indexOf('/'); end >= 0; start = end + 1, end = path.indexOf('/', start)) {
      const name = path.slice(start, end);
      let inner = folder.folders.get(name);
      if (!inner) {
        inner = emptyFolder(name, path.slice(0, end + 1), folder);
        folder.folders.set(name, inner);
      }
      folder = inner;
      folder.total++;
    }
    folder.images++;
  }
  return root;
}

function emptyFolder(name: string, path: string, parent?: ImageFolder): ImageFolder {
  return { name, path, images: 0, total: 0, folders: new Map(), parent };
}

/** The folders right inside. */
export function inside({ folders }: ImageFolder): ImageFolder[] {
  return [...folders.values()];
}
