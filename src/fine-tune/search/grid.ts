/** Grids of fine-tunings: which cuts, rates and other options are combined. */
import { expectedMessage, UsageError, usage } from '../../shared/errors.ts';
import { fields, flagOf } from '../../shared/options.ts';
import { type GridLists, readGridLists } from '../../shared/search/grid-text.ts';
import { didYouMean } from '../../shared/suggest.ts';
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
  return (await readGridLists(specOrFile, () => '+')).map(readBlock);
}

function readBlock({ lists, where }: GridLists): TailGridBlock {
  const block: Record<string, unknown> = {};
  for (const [name, values] of lists) {
    const key = keyOf(name, where);
    if (key in block) throw usage('each option once', where, name);
    if (values.length === 0) throw usage('at least one value', `${name} in ${where}`, values);
    block[key] = values.map((value) => TUNE_KINDS[key].parse(value, `${name} in ${where}`));
  }
  return block;
}

/** The option that a grid's key names, in kebab or camel case. */
function keyOf(name: string, where: string): TuneKey {
  const key = TUNE_KEYS.find((candidate) => candidate === name || flagOf(candidate) === name);
  if (key !== undefined) return key;
  const near = didYouMean(name, TUNE_KEYS.map(flagOf));
  throw new UsageError(`${expectedMessage('the name of an option of fine-tuning', where, name)}${near}`);
}

/** All combinations of a grid's values, block after block, the last key changing fastest. */
export function combinations(grid: TailGrid): Partial<TuneRequest>[] {
  return grid.flatMap((block) =>
    (Object.keys(block) as TuneKey[]).reduce<Partial<TuneRequest>[]>(
      (found, key) => found.flatMap((one) => (block[key] ?? []).map((value) => ({ ...one, [key]: value }))),
      [{}],
    ),
  );
}
