/** Scores that say less than they seem to. */

import { counted } from '../plural.ts';
import { digits, percent, type Rule } from './finding.ts';

/** Accuracy above balanced accuracy from which rare classes pay for the frequent ones. */
const HIDDEN = 0.1;
/** Recall below which a class counts as missed. */
const MISSED = 0.5;
const MAX_NAMED = 5;

/** Accuracy is high because the frequent classes are; the rare ones are missed. */
export const imbalanceHidden: Rule = ({ task, evaluated: { metrics, split }, perClass }) => {
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
    .map(
      ({ name, recall, support }) => `"${name}" ${percent(recall ?? 0)} (of ${counted(support, 'image')})`,
    );
  return {
    severity: 'warning',
    title: 'Accuracy hides poor recall of rare classes',
    evidence: `${split === 'test' ? 'test' : 'validation'} accuracy ${percent(accuracy)}, but balanced accuracy ${percent(balancedAccuracy)} and macro F1 ${digits(f1Macro ?? 0)}; recall of ${named.join(', ')}${missed.length > MAX_NAMED ? ` and ${missed.length - MAX_NAMED} more` : ''}`,
    remedy:
      'give rare classes the same weight as frequent ones, in training and in the metric that chooses the head',
    flag: '--class-weight balanced --monitor balancedAccuracy',
  };
};

/** Half the width of an interval, relative to what a metric can be, up to which a validation split is large enough. */
const WIDE = 0.03;

/** The validation split cannot tell the best heads apart. */
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
    title: `The best ${tied} heads are tied on validation`,
    evidence: `with ${counted(rows.val > 0 ? rows.val : rows.train, 'validation image')}, the 95 % bootstrap interval of the best head's ${metric} is ${digits(low)} to ${digits(high)}; ${tied} of the best ${leaderboard.length} heads do not differ significantly`,
    remedy:
      'use the simplest of them; for a more reliable ranking, cross-validate or train each head with several seeds',
    flag: '--folds 5 or --seeds 3',
  };
};
