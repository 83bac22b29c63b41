/** What data sets call their splits: names of folders, and cells of a manifest's split column. */
import type { Split } from '../store/schema.ts';

const SPLIT_WORDS: ReadonlyMap<string, Split> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['dev', 'val'],
  ['development', 'val'],
  ['test', 'test'],
  ['testing', 'test'],
]);

/** Words beside them that say nothing: training_set, test-images. */
const FILLERS: ReadonlySet<string> = new Set([
  '',
  'set',
  'data',
  'dataset',
  'split',
  'folder',
  'the',
  'my',
  'images',
  'image',
  'imgs',
  'img',
  'photos',
  'pictures',
  'pics',
  'samples',
]);

const JOINED = new RegExp(`^(${[...SPLIT_WORDS.keys()].join('|')})(set|data|dataset|images|imgs)$`);

/** What messages say a split may be called. */
export const SPLIT_FORMS =
  'train, val, test (also training, valid, validation, dev, testing, train_set, ...)';

/**
 * The split that a name alone says: `Training`, `test_set`, `valid`, `val2017`, `TrainImages`.
 * @returns undefined for any other name, and for one that names two splits
 */
export function splitNamed(name: string): Split | undefined {
  const { split, rest } = splitWord(name);
  return rest.every((word) => FILLERS.has(word)) ? split : undefined;
}

/**
 * The splits among names that lie side by side: those that {@link splitNamed} knows, and those that differ in the
 * split's word only (`seg_train` beside `seg_test`).
 */
export function splitsAmong(names: Iterable<string>): Map<string, Split> {
  const found = new Map<string, Split>();
  const alike = new Map<string, [string, Split][]>();
  for (const name of names) {
    const { split, rest } = splitWord(name);
    if (!split) continue;
    if (rest.every((word) => FILLERS.has(word))) found.set(name, split);
    const key = rest.join(' ');
    alike.set(key, [...(alike.get(key) ?? []), [name, split]]);
  }
  for (const group of alike.values())
    if (new Set(group.map(([, split]) => split)).size > 1)
      for (const [name, split] of group) found.set(name, split);
  return found;
}

/** The one split among the words of a name, and its other words; years and numbers do not count. */
function splitWord(name: string): { split: Split | undefined; rest: string[] } {
  const words = name
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[\s_.-]+/)
    .map((word) => word.replace(/\d+$/, ''));
  const splitOf = (word: string) => SPLIT_WORDS.get(word) ?? SPLIT_WORDS.get(JOINED.exec(word)?.[1] ?? '');
  const splits = new Set(words.map(splitOf).filter((split) => split !== undefined));
  const [split] = splits.size === 1 ? splits : [undefined];
  return { split, rest: words.filter((word) => splitOf(word) === undefined) };
}
