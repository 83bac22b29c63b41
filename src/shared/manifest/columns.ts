/** What the columns of a manifest are for: guessed from their names, or said. */

import { expectedMessage, InputError } from '../errors.ts';
import { counted } from '../plural.ts';
import { didYouMean } from '../suggest.ts';

/** What a column can be for. */
export const ROLES = ['path', 'label', 'split', 'group', 'weight'] as const;
export type Role = (typeof ROLES)[number];

/** How to read a manifest where its own names do not tell. */
export interface ManifestOptions {
  /** Names of columns by what they are for; with a label column named, other columns are skipped. */
  columns?: Partial<Record<Role, string>>;
  /** What stands between several labels in one cell. */
  separator?: string;
  /** The encoding of a text that is not UTF-8, such as `windows-1252`; default: found out, or refused. */
  encoding?: string;
}

/** What stands between labels unless said otherwise. */
export const SEPARATOR = '|';

/** The columns of a manifest by their role. */
export interface Columns {
  path: string;
  /** Null where each class has a 0/1 column. */
  label: string | null;
  split: string | null;
  group: string | null;
  weight: string | null;
  classes: string[];
  /** Columns that are skipped. */
  others: string[];
}

/** What a column is for, by its name in lower case without spaces, `_`, `-` and a plural s. */
const NAMES: ReadonlyMap<string, Role> = new Map([
  ['path', 'path'],
  ['file', 'path'],
  ['filename', 'path'],
  ['filepath', 'path'],
  ['image', 'path'],
  ['imagepath', 'path'],
  ['imagefile', 'path'],
  ['label', 'label'],
  ['split', 'split'],
  ['group', 'group'],
  ['weight', 'weight'],
  ['sampleweight', 'weight'],
]);

/** What pandas calls a column without a name, such as the index that it writes first. */
export const UNNAMED = 'Unnamed: 0';
/** Such a column, or pandas's index in a parquet file. */
const INDEX = /^(Unnamed: \d+(\.\d+)*|__index_level_\d+__)$/;

/** What a column is for by its name, if anything. */
function roleOf(name: string): Role | undefined {
  const plain = name.toLowerCase().replace(/[\s_-]/g, '');
  return NAMES.get(plain.replace(/s$/, ''));
}

/** Whether a column is the one of paths. */
export function isPathColumn(name: string, { path }: NonNullable<ManifestOptions['columns']> = {}): boolean {
  return path === undefined ? roleOf(name) === 'path' : name === path;
}

/**
 * Finds out what each column is for.
 * @throws InputError when there is no path, neither labels nor class columns, or a role is taken twice
 */
export function assignColumns(
  names: readonly string[],
  manifest: string,
  { columns: said = {} }: ManifestOptions = {},
): Columns {
  const found: Record<Role, string | null> = {
    path: null,
    label: null,
    split: null,
    group: null,
    weight: null,
  };
  const classes: string[] = [];
  const indices: string[] = [];
  for (const role of ROLES) found[role] = saidColumn(role, said[role], names, manifest);
  const taken = new Set(Object.values(found));
  for (const name of names) {
    if (taken.has(name)) continue;
    const role = roleOf(name);
    if (INDEX.test(name)) indices.push(name);
    else if (!role || said[role] !== undefined) classes.push(name);
    else if (found[role] !== null) {
      throw new InputError(
        `${expectedMessage(`one ${role} column`, manifest, [found[role], name])} (--${role}-column says which)`,
      );
    } else found[role] = name;
  }
  const { path, label, split, group, weight } = found;
  if (path === null) {
    throw new InputError(
      expectedMessage('a column named path, file, filename or image (or --path-column)', manifest, names),
    );
  }
  if (label === null && classes.length === 0) {
    throw new InputError(
      expectedMessage(
        'a label column (or --label-column), or one 0/1 column for each class',
        manifest,
        names,
      ),
    );
  }
  if (label !== null && classes.length > 0 && said.label === undefined) {
    const roles = [path, label, split ?? 'split', group ?? 'group', weight ?? 'weight'].join(', ');
    throw new InputError(
      `${expectedMessage(`no columns other than ${roles}`, manifest, classes)} (with --label-column they are ignored)`,
    );
  }
  return {
    path,
    label,
    split,
    group,
    weight,
    classes: label === null ? classes : [],
    others: label === null ? indices : [...indices, ...classes],
  };
}

function saidColumn(
  role: Role,
  name: string | undefined,
  names: readonly string[],
  manifest: string,
): string | null {
  if (name === undefined || names.includes(name)) return name ?? null;
  const same = names.find((other) => other.normalize('NFC') === name.normalize('NFC'));
  if (same !== undefined) return same;
  const message = expectedMessage(`a column of ${manifest} (${names.join(', ')})`, `--${role}-column`, name);
  throw new InputError(`${message}${didYouMean(name, names)}`);
}

/** What was guessed, for the user to check: `Columns: path "Image File", label "Class"`. */
export function describeColumns({ path, label, split, group, weight, classes, others }: Columns): string {
  const named = Object.entries({ path, label, split, group, weight }).flatMap(([role, name]) =>
    name === null ? [] : [`${role} ${JSON.stringify(name)}`],
  );
  if (classes.length > 0) named.push(counted(classes.length, 'class column'));
  if (others.length > 0) named.push(`skipped ${others.map((name) => JSON.stringify(name)).join(', ')}`);
  return `Columns: ${named.join(', ')}`;
}
