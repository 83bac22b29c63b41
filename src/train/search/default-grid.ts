/** What `--grid` alone trains: heads on the last layer and, where the stores have them, on all depths. */
import { depthColumns, howToAddDepths } from '../../shared/dataset/columns.ts';
import { DEPTHS, LAST } from '../../shared/depth-words.ts';
import type { Task } from '../../shared/head/config.ts';
import { isConvex } from '../../shared/head/resolve.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { openStore } from '../../shared/store/reader.ts';
import type { Grid, GridBlock, HeadBlock } from '../options/grid.ts';
import type { TrainOptions } from '../options/train-options.ts';
import type { SourcedBlock } from './sources.ts';

/** Depths are made comparable by softsign: see docs/depths.md for what else was measured. */
const NORMALIZE: HeadBlock = { normalize: ['softsign'], hidden: [[]] };

/** Logistic regressions solved exactly, a whole path of penalties in the time of one. */
const EXACT: HeadBlock = {
  ...NORMALIZE,
  optimizer: ['lbfgs'],
  l2: [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6],
};

/** Linear heads where epochs or other options are wanted that no exact solution has. */
const STEPPED: HeadBlock = { ...NORMALIZE, lr: [1e-2, 3e-2], l2: [0, 1e-5, 3e-5, 1e-4] };

/** One hidden layer. */
const HIDDEN: HeadBlock = { normalize: ['softsign'], hidden: [[128], [512]], dropout: [0.5], lr: [1e-3] };

/** Rows from which hidden layers compete: on 500 photos they gained nothing and took nearly all of the time; the limit is a guess. */
const MIN_HIDDEN_ROWS = 1000;

/** Label smoothing of classes that exclude each other; several labels lost by it. See docs/depths.md. */
const SMOOTHING = 0.1;

/** The default grid's blocks for a task, which is known once labels are read. @param head options that every head has */
export function smoothed(
  blocks: readonly SourcedBlock[],
  { labelSmoothing, loss = 'auto', output = 'auto' }: TrainOptions['head'],
  task: Task,
): SourcedBlock[] {
  const isGiven = labelSmoothing !== undefined;
  const isSoftmax = task === 'multiclass' && loss !== 'focal' && output !== 'sigmoid';
  if (isGiven || !isSoftmax) return [...blocks];
  return blocks.map(({ source, block }) => ({ source, block: { ...block, labelSmoothing: [SMOOTHING] } }));
}

/**
 * The default grid for stores and the options that every head has, which take the place of the grid's values. Where heads could have earlier layers and a store has
 * none, a line says how to add them.
 * @throws InputError for a folder that is no feature store
 */
export async function defaultGrid(
  { source, head, halving }: Pick<TrainOptions, 'source' | 'head' | 'halving'>,
  reporter: Reporter,
): Promise<Grid> {
  const { hidden } = head;
  const isExact = halving === undefined && isConvex(head) && !hidden?.length;
  const linear = withoutGiven(isExact ? EXACT : STEPPED, head);
  const stores = await Promise.all(source.features.map((dir) => openStore(dir)));
  const isLarge = stores.every(({ rows }) => rows >= MIN_HIDDEN_ROWS);
  const hasHidden = isLarge && head.optimizer !== 'lbfgs' && hidden?.length !== 0;
  const last: GridBlock[] = hasHidden ? [linear, withoutGiven(HIDDEN, head)] : [linear];
  const shallow = stores.find((store) => depthColumns(store).length < 2);
  if (source.pooling.length > 0 || stores.length === 0) return last;
  if (shallow === undefined)
    return [...last.map((block) => ({ ...block, pooling: [[LAST]] })), { ...linear, pooling: [[DEPTHS]] }];
  reporter.info(
    `Heads are trained on the last layer alone, since ${shallow.dir} has no other; ${howToAddDepths(shallow)}`,
  );
  return last;
}

/** A block without the options that the user gave: a flag beside --grid says what all heads have. */
function withoutGiven(block: HeadBlock, head: TrainOptions['head']): HeadBlock {
  const kept = Object.entries(block).filter(([key]) => head[key as keyof HeadBlock] === undefined);
  return Object.fromEntries(kept);
}
