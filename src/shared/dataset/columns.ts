/** Which columns of a store heads take: by their names, or by a word for the last layer or all depths of it. */
import { DEPTHS, LAST, POOLING_NAMES } from '../depth-words.ts';
import { UsageError } from '../errors.ts';
import type { FeatureStore } from '../store/reader.ts';
import { didYouMean } from '../suggest.ts';
import { addingCommand, isModel } from './extract-command.ts';

type Columns = Pick<FeatureStore, 'dir' | 'manifest' | 'columns'>;

/** The column of the last layer, as extract names it. */
const LAST_COLUMN = 'avg';

/** Columns by the word for them. */
const WORDS: Readonly<Record<string, (store: Columns) => string[]>> = {
  [LAST]: (store) => [lastColumn(store)],
  [DEPTHS](store) {
    const depths = depthColumns(store);
    if (depths.length < 2)
      throw new UsageError(
        `Expected several layers for --pooling ${DEPTHS} but ${store.dir} has ${depths.join(', ') || 'none'}; ${howToAddDepths(store)}`,
      );
    return depths;
  },
};

/**
 * The columns that are requested, in that order, each once.
 * @param requested names, or `last` or `depths`; none: the last layer's
 * @throws UsageError for a column that the store does not have
 */
export function requestedColumnsOf(store: Columns, requested: readonly string[]): string[] {
  const names = store.columns.map(({ name }) => name);
  const columns = (requested.length > 0 ? requested : [LAST]).flatMap((name) => {
    if (names.includes(name)) return [name];
    const word = WORDS[name];
    if (word) return word(store);
    const known = [...names, ...Object.keys(WORDS)];
    throw new UsageError(
      `Expected one of ${known.join(', ')} for --pooling (the columns of ${store.dir}, and words for them) but received "${name}"${didYouMean(name, known)}${howToAddColumn(store, name)}`,
    );
  });
  return [...new Set(columns)];
}

/** The last layer's column: `avg`, or the only one where another pooling was chosen. */
export function lastColumn({ columns }: Columns): string {
  const names = columns.map(({ name }) => name);
  return names.includes(LAST_COLUMN) ? LAST_COLUMN : names[0];
}

/** The average-pooled columns: of the last layer and, where they were extracted, of earlier ones. */
export function depthColumns({ columns }: Pick<FeatureStore, 'columns'>): string[] {
  const names = columns.map(({ name }) => name);
  return names.filter((name) => name === LAST_COLUMN || name.endsWith(`/${LAST_COLUMN}`));
}

/** What a user does about a store without depths; of an .onnx file, which has no table of them, layers are named. */
export function howToAddDepths(store: Columns): string {
  const layers = isModel(store.manifest.pipeline) ? 'NAME,NAME' : DEPTHS;
  return `to add them: ${addingCommand(store, layers)}`;
}

/** What a user does about a column that the store lacks; nothing for a name that no column has. */
function howToAddColumn(store: Columns, name: string): string {
  const slash = name.lastIndexOf('/');
  const [layer, pooling] = [slash < 0 ? LAST : name.slice(0, slash), name.slice(slash + 1)];
  if (!POOLING_NAMES.some((known) => known === pooling)) return '';
  return `; to add it: ${addingCommand(store, layer, pooling === LAST_COLUMN ? undefined : pooling)}`;
}
