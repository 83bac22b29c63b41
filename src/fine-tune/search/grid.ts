/** Grids of fine-tunings: which cuts, rates and other options are combined. */
import { fields } from '../../shared/options.ts';
import { namedOption, readBlock, readGridLists } from '../../shared/search/grid-text.ts';
import { type Check, listOf, ofKind } from '../../shared/values.ts';
import { TUNE_KEYS, TUNE_KINDS, type TuneKey, type TuneRequest } from './keys.ts';

/** Values that are combined each with each. */
export type TailGridBlock = { [K in TuneKey]?: TuneRequest[K][] };

/** The union of its blocks. */
export type TailGrid = readonly TailGridBlock[];

/** Fine-tunings of one command: each takes minutes, so that more are a typing mistake. */
export const MAX_TUNINGS = 1000;

/** What a program passes for a grid. @throws UsageError naming the value that does not fit */
export const checkTailGrid: Check = (value, where) => {
  const block = fields(
    Object.fromEntries(
      TUNE_KEYS.map((key): [string, Check] => [key, listOf(ofKind(TUNE_KINDS[key]), { min: 1 })]),
    ),
  );
  listOf(block, { min: 1 })(value, where);
};

/**
 * Reads what was written after `--grid`, inline or in a file: see {@link readGridLists}. Layers of one value are joined by `+`.
 * @throws UsageError for text that is no grid, InputError for a file that cannot be read as one
 */
export async function parseTailGrid(specOrFile: string): Promise<TailGrid> {
  const blocks = await readGridLists(specOrFile, () => '+');
  const parse = (text: string, key: TuneKey, place: string) => TUNE_KINDS[key].parse(text, place);
  return blocks.map((lists) => readBlock(lists, keyOf, parse)) as TailGrid;
}

function keyOf(name: string, where: string): TuneKey {
  return namedOption(name, where, { keys: TUNE_KEYS, what: 'the name of an option of fine-tuning' });
}
