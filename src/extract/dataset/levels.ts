/** Which level of folders names the classes, and which the splits. */
import { splitNamed, splitsAmong } from '../../shared/manifest/splits.ts';
import { counted, plural } from '../../shared/plural.ts';
import type { Split } from '../../shared/store/schema.ts';
import { type ImageFolder, inside } from './image-folder.ts';
import { listFolders, refuseLevels } from './levels-message.ts';

/** A folder whose folders are classes, or one that holds images of one class. */
export interface Section {
  split: Split | null;
  /** The class of everything below; without it, the next folder's name. */
  label?: string;
}

export interface Levels {
  /** By the folder's path. */
  sections: Map<string, Section>;
  /** Things the user may not have meant, one sentence each. */
  notes: string[];
}

/** Names of folders that hold images whatever they show. */
const CONTAINERS: ReadonlySet<string> = new Set([
  'images',
  'image',
  'imgs',
  'img',
  'jpg',
  'jpeg',
  'jpegs',
  'png',
  'data',
  'dataset',
]);

const isContainer = ({ name }: ImageFolder): boolean => CONTAINERS.has(name.toLowerCase());
const holdsFolders = ({ folders }: ImageFolder): boolean => folders.size > 0;

/**
 * Finds the levels of root/class, root/split/class and root/class/split, wrapped in any number of single folders.
 * @throws InputError where the folders can be read in several ways, with what was seen and what settles it
 */
export function findLevels(root: ImageFolder): Levels {
  const base = unwrapped(root);
  const notes: string[] = [];
  if (base !== root)
    notes.push(
      `All class folders lie in ${JSON.stringify(base.path)}: the folders there are read as if it were --data`,
    );
  const children = inside(base);
  const splits = splitFolders(base);
  const named = children.filter(({ name }) => splits.has(name));
  if (named.some((folder) => holdsFolders(classesFolder(folder))))
    return { sections: splitSections(base, splits, notes), notes };
  if (new Set(splits.values()).size > 1)
    throw refuseLevels(base, `images directly inside ${listFolders(named)}, in no class folder`, 'folders');
  const containers = children.length > 1 ? children.filter(isContainer) : [];
  if (containers.length === 1 && holdsFolders(containers[0])) return insideContainer(containers[0], notes);
  if (containers.length > 0)
    throw refuseLevels(
      base,
      `images in ${listFolders(containers)} beside ${others(children, containers)}`,
      'level',
    );
  const sections = classSplitSections(base) ?? new Map([[base.path, { split: null }]]);
  if (sections.has(base.path)) checkClasses(base, notes);
  return { sections, notes };
}

/** `images/` with classes or splits in it, beside folders that only look like classes. */
function insideContainer(container: ImageFolder, notes: string[]): Levels {
  const { sections, notes: said } = findLevels(container);
  const note = `Folders beside ${JSON.stringify(container.path)} are not read as classes`;
  return { sections, notes: [...notes, note, ...said] };
}

function others(children: readonly ImageFolder[], but: readonly ImageFolder[]): string {
  return listFolders(children.filter((folder) => !but.includes(folder)));
}

/** The folders of splits right inside a folder. */
function splitFolders({ folders }: ImageFolder): Map<string, Split> {
  return splitsAmong(folders.keys());
}

/**
 * Steps into a folder that everything else lies in, as long as that leads to several folders or to splits: a single
 * class with its images is not taken for a wrapper.
 */
function unwrapped(root: ImageFolder): ImageFolder {
  let folder = root;
  for (;;) {
    const [only, second] = inside(folder);
    if (!only || second || splitNamed(only.name) || !isWrapper(only)) break;
    folder = only;
  }
  const leads = folder.folders.size > 1 || splitFolders(folder).size > 0;
  return leads ? folder : root;
}

/** Whether the images lie in the folders inside rather than beside them. */
function isWrapper({ images, total, folders }: ImageFolder): boolean {
  return folders.size > 0 && (images === 0 || (folders.size > 1 && images < total - images));
}

/** The folder inside a split whose folders are classes: `train`, `train/train`, `train/images`, `train/flowers`. */
function classesFolder(split: ImageFolder): ImageFolder {
  let folder = split;
  for (;;) {
    const [only, second] = inside(folder);
    const repeats = only && (splitNamed(only.name) || only.name === split.name || isContainer(only));
    if (!only || second || !(repeats || (isWrapper(only) && only.folders.size > 1))) return folder;
    folder = only;
  }
}

/** Splits with class folders in each; a split in a split counts as what the inner one says. */
function splitSections(
  base: ImageFolder,
  splits: ReadonlyMap<string, Split>,
  notes: string[],
): Map<string, Section> {
  const children = inside(base);
  const beside = children.filter(({ name }) => !splits.has(name));
  if (beside.length > 0 && new Set(splits.values()).size < 2) {
    const [only] = children.filter(({ name }) => splits.has(name));
    throw refuseLevels(base, `the split ${listFolders([only])} beside ${listFolders(beside)}`, 'beside');
  }
  const sections = new Map<string, Section>();
  const classes = new Map<Split, Set<string>>();
  const add = (folder: ImageFolder, split: Split): void => {
    const folderOfClasses = classesFolder(folder);
    const inner = splitFolders(folderOfClasses);
    if (
      inner.size > 0 &&
      inner.size === folderOfClasses.folders.size &&
      inside(folderOfClasses).some(holdsFolders)
    ) {
      for (const [name, named] of inner) add(folderOfClasses.folders.get(name)!, named);
      return;
    }
    if (!holdsFolders(folderOfClasses)) return;
    checkClasses(folderOfClasses, notes);
    sections.set(folderOfClasses.path, { split });
    const names = [...folderOfClasses.folders.keys()].map((name) => name.normalize('NFC'));
    classes.set(split, new Set([...(classes.get(split) ?? []), ...names]));
  };
  for (const [name, split] of splits) add(base.folders.get(name)!, split);
  checkAgreement(base, classes);
  return sections;
}

/** Splits of one data set have classes in common; levels that do not fit have none. */
function checkAgreement(base: ImageFolder, classes: ReadonlyMap<Split, ReadonlySet<string>>): void {
  for (const [split, own] of classes) {
    const rest = [...classes].filter(([other]) => other !== split).flatMap(([, names]) => [...names]);
    if (rest.length === 0 || rest.some((name) => own.has(name))) continue;
    const some = (names: Iterable<string>) =>
      [...names]
        .slice(0, 3)
        .map((name) => JSON.stringify(name))
        .join(', ');
    throw refuseLevels(
      base,
      `no class of ${split} (${some(own)}) in the other splits (${some(rest)})`,
      'level',
    );
  }
}

/** root/class/split/image, or undefined where no class holds a split. */
function classSplitSections(base: ImageFolder): Map<string, Section> | undefined {
  const classes = inside(base);
  const splitsOf = new Map(classes.map((folder) => [folder, splitFolders(folder)]));
  const divided = classes.filter((folder) => splitsOf.get(folder)!.size > 0);
  if (divided.length === 0) return undefined;
  const sections = new Map<string, Section>();
  for (const folder of classes) {
    const splits = splitsOf.get(folder)!;
    const isWhole = folder.images === 0 && splits.size === folder.folders.size;
    const deeper = inside(folder).find(
      (inner) => splits.has(inner.name) && holdsFolders(classesFolder(inner)),
    );
    if (!isWhole || deeper) {
      const [sample] = divided;
      const split = sample.folders.get([...splitsOf.get(sample)!.keys()][0])!;
      const found = deeper
        ? `splits with folders in them, such as ${listFolders([deeper])}, in ${listFolders(divided)}`
        : `the split ${listFolders([split])} in one class folder but other images in ${listFolders([folder])}`;
      throw refuseLevels(base, found, deeper ? 'several' : 'level');
    }
    for (const [name, split] of splits) sections.set(`${folder.path}${name}/`, { split, label: folder.name });
  }
  return sections;
}

/** @throws InputError where the folders look like something above the classes */
function checkClasses(base: ImageFolder, notes: string[]): void {
  const classes = inside(base);
  const { parents, repeated } = repeatedFolders(classes);
  if (repeated.length > 1 && 2 * parents.length >= classes.length) {
    const names = repeated.slice(0, 3).map((name) => JSON.stringify(name));
    throw refuseLevels(
      base,
      `folders of the same names (${names.join(', ')}) in each of ${listFolders(parents)}`,
      'level',
    );
  }
  const named = classes.filter(({ name }) => splitNamed(name));
  if (named.length > 0)
    notes.push(
      `Classes with names of splits: ${listFolders(named)}. A split holds class folders; these hold images`,
    );
  const deep = classes.filter(holdsFolders);
  const images = deep.reduce((sum, folder) => sum + folder.total - folder.images, 0);
  if (images > 0) {
    const [sample] = inside(deep[0]);
    notes.push(
      `${counted(images, 'image')} ${plural(images, 'lies', 'lie')} in folders inside class folders, such as ${JSON.stringify(sample.path)}: their class is the outer folder's (${JSON.stringify(deep[0].name)})`,
    );
  }
}

/** The folders whose images all lie deeper, and the names of folders that several of them have. */
function repeatedFolders(classes: readonly ImageFolder[]): { parents: ImageFolder[]; repeated: string[] } {
  const counts = new Map<string, number>();
  const deeper = classes.filter(({ images }) => images === 0);
  for (const { folders } of deeper)
    for (const name of folders.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1).map(([name]) => name);
  const parents = deeper.filter(({ folders }) => repeated.some((name) => folders.has(name)));
  return { parents, repeated };
}
