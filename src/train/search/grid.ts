/** Grids: which values of which options a sweep combines, read from text or a file and expanded to heads. */
import { SOURCE_KEYS, SOURCE_OPTIONS, type SourceKey } from '../../shared/dataset/source-options.ts';
import { UsageError, usage } from '../../shared/errors.ts';
import type { HeadConfig, Task } from '../../shared/head/config.ts';
import {
  formatOption,
  HEAD_OPTION_KEYS,
  HEAD_OPTIONS,
  type HeadOptionKey,
  type HeadRequest,
} from '../../shared/head/options.ts';
import { resolveConfig, withoutIdleOptions } from '../../shared/head/resolve.ts';
import { flagOf } from '../../shared/options.ts';
import {
  combinationCount,
  combinations,
  namedOption,
  readBlock,
  readGridLists,
} from '../../shared/search/grid-text.ts';
import type { Grid, HeadBlock } from '../options/grid.ts';
import { formatRange, isRange, parseRange } from './ranges.ts';

/** Heads in one sweep: beyond this a typing mistake is likelier than a wish. */
export const MAX_HEADS = 100_000;

/**
 * Reads what was written after `--grid`, as {@link readGridLists} does: `order=dense+bn+activation+dropout` has its values
 * joined by `+`. `features` and `pooling` name stores and columns, several in one value joined by `+`.
 * A value of a number can be a range, `0..0.5` or `log(1e-5..1e-1)`, from which `--random` draws. Keys are flag names,
 * `batch-size` or `batchSize`; a layer list may be a list of its own (`hidden: [none, [64, 64]]`).
 * @throws UsageError for text that is no grid, InputError for a file that cannot be read as one
 */
export async function parseGrid(specOrFile: string): Promise<Grid> {
  const blocks = await readGridLists(specOrFile, (name, where) =>
    keyOf(name, where) === 'hidden' ? 'x' : '+',
  );
  return blocks.map((lists) => readBlock(lists, keyOf, parseValue)) as Grid;
}

/** The option that a grid's key names, in kebab or camel case. */
function keyOf(name: string, where: string): HeadOptionKey | SourceKey {
  const keys = [...SOURCE_KEYS, ...HEAD_OPTION_KEYS];
  return namedOption(name, where, { keys, what: 'the name of a head option' });
}

function parseValue(text: string, key: HeadOptionKey | SourceKey, place: string): unknown {
  if (isSource(key)) return SOURCE_OPTIONS[key].parse(text, place);
  return parseRange(text, key, place) ?? HEAD_OPTIONS[key].kind.parse(text, place);
}

function isSource(key: HeadOptionKey | SourceKey): key is SourceKey {
  return SOURCE_KEYS.some((candidate) => candidate === key);
}

/**
 * All heads of a grid: block after block, and within a block in the order of its keys, the last one changing fastest.
 * The grid's values override `base`. An option that means nothing on a head (momentum with Adam, batch-norm on a
 * linear head) is ignored there, and heads that thereby become equal are trained once.
 * @throws UsageError naming the combination that cannot work, for a range, or when there are too many
 */
export function expandGrid(base: Partial<HeadRequest>, grid: readonly HeadBlock[], task: Task): HeadConfig[] {
  const ranges = grid.flatMap((block) => Object.values(block).flat().filter(isRange));
  if (ranges.length > 0) throw usage('--random N with ranges', '--grid', formatRange(ranges[0]));
  const count = grid.reduce((sum, block) => sum + combinationCount(block), 0);
  if (count > MAX_HEADS) throw usage(`at most ${MAX_HEADS} heads`, '--grid', count);
  const heads = new Map<string, HeadConfig>();
  for (const combination of grid.flatMap((block) => combinations<HeadRequest>(block))) {
    const head = resolveCombination({ ...base, ...combination }, combination, task);
    const identity = headIdentity(head);
    if (!heads.has(identity)) heads.set(identity, head);
  }
  return [...heads.values()];
}

/** Equal for heads that are equal in every option. */
export function headIdentity(head: HeadConfig): string {
  return HEAD_OPTION_KEYS.map((key) => formatOption(key, head)).join(' ');
}

/**
 * Completes one combination of a grid's values, `head` with the options beside them.
 * @throws UsageError naming the combination that cannot work
 */
export function resolveCombination(
  head: Partial<HeadRequest>,
  combination: Partial<HeadRequest>,
  task: Task,
): HeadConfig {
  try {
    return resolveConfig(withoutIdleOptions(head), task);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    const keys = Object.keys(combination) as HeadOptionKey[];
    const written = keys.map(
      (key) => `${flagOf(key)}=${formatOption(key, combination as Required<typeof combination>)}`,
    );
    throw new UsageError(`${thrown.message} (in the grid's ${written.join(' ')})`);
  }
}
