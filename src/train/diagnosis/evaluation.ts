/** Scores that say less than they seem to. */

import { counted } from '../../shared/plural.ts';
import { digits, percent, type Rule } from './finding.ts';

/** Accuracy above balanced accuracy from which rare classes pay for the frequent ones. */
const HIDDEN = 0.1;
/** Recall below which a class counts as missed. */
const MISSED = 0.5;
const MAX_NAMED = 5;

/** Accuracy is high because the frequent classes are; the rare ones are missed. */
export const imbalanceHidden: Rule = ({ task, evaluated: { metrics, part }, perClass }) => {
  const { accuracy, balancedAccuracy, f1Macro } = metrics;
  if (task !== 'multiclass' || typeof accuracy !== 'number' || typeof balancedAccuracy !== 'number')
    return undefined;
  const total = perClass.reduce((sum, { support }) => sum + support, 0);
  const fair = total / perClass.length;
  const missed = perClass.filter(
    ({ support, recall }) => support > 0 && support < fair && recall !== null && recall < MISSED,
  );
  if (accuracy - balancedAccuracy < HIDDEN || missed.length === 0) return undefined;
  const named = missed
    .sort((a, b) => (a.recall ?? 0) - (b.recall ?? 0))
    .slice(0, MAX_NAMED)
    .map(({ name, recall, support }) => `"${name}" ${percent(recall ?? 0)} of ${support}`);
  return {
    severity: 'warning',
    title: 'Accuracy hides that rare classes are missed',
    evidence: `${part === 'test' ? 'test' : 'validation'} accuracy ${percent(accuracy)}, but balanced accuracy ${percent(balancedAccuracy)} and macro F1 ${digits(f1Macro ?? 0)}; found are ${named.join(', ')}${missed.length > MAX_NAMED ? ` and ${missed.length - MAX_NAMED} more` : ''}`,
    remedy: 'let rare classes count as much as frequent ones, and choose the head by a metric that does too',
    flag: '--class-weight balanced --monitor balancedAccuracy',
  };
};

/** Half the width of an interval, relative to what a metric can be, up to which a validation part is large enough. */
const WIDE = 0.03;

/** The validation part cannot tell the best heads apart. */
export const validationTooSmall: Rule = ({ leaderboard, best, rows }) => {
  const [leader] = leaderboard;
  const tied = leaderboard.filter(({ tied }) => tied).length;
  if (!leader?.interval || tied < 2) return undefined;
  const { low, high } = leader.interval;
  const metric = best.config.monitor;
  const scale = metric === 'loss' ? Math.max(Math.abs(low + high) / 2, 1e-9) : 1;
  if ((high - low) / 2 / scale < WIDE) return undefined;
  return {
    severity: 'note',
    title: `Validation cannot tell the best ${tied} heads apart`,
    evidence: `${counted(rows.val > 0 ? rows.val : rows.train, 'validation image')} put ${metric} of the best head between ${digits(low)} and ${digits(high)} (95 %, bootstrap); the differences of ${tied} heads, of the best ${leaderboard.length} compared, may be chance`,
    remedy:
      'take the simplest of them; for a firmer ranking validate on every image in turn, or repeat heads with several seeds',
    flag: '--folds 5 or --seeds 3',
  };
};
