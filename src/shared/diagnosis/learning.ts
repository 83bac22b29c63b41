/** Heads that learned nothing, overfitted, or had the wrong learning rate. */
import type { MetricName, Metrics, Task } from '../head/config.ts';
import { formatOption } from '../head/options.ts';
import { counted } from '../plural.ts';
import type { HeadResult } from '../training/result.ts';
import { digits, type Facts, percent, type Rule } from './finding.ts';

/** The metric that shows whether anything was learned: rankings for multi-label, where most predictions are no. */
export const TELLING: Readonly<Record<Task, MetricName>> = { multiclass: 'accuracy', multilabel: 'mAP' };

/** Standard error of a share over so many rows. */
const shareError = (share: number, rows: number): number =>
  Math.sqrt((share * (1 - share)) / Math.max(1, rows));

/** Validation rows, whichever way they were had. */
const validated = ({ rows }: Facts): number => (rows.val > 0 ? rows.val : rows.train);

/** Balanced accuracy above that of guessing that shows that the minority is told apart, whatever the accuracy. */
const TOLD_APART = 0.1;

/** The best head is no better than the majority baseline. */
export const stuckAtMajority: Rule = (facts) => {
  const { best, majority, task, classes } = facts;
  const metric = TELLING[task];
  const [reached, floor] = [best.val[metric], majority[metric]];
  if (typeof reached !== 'number' || typeof floor !== 'number') return undefined;
  const { balancedAccuracy } = best.val;
  const guess = task === 'multiclass' ? 1 / classes.length : 0.5;
  if (reached > floor + shareError(floor, validated(facts))) return undefined;
  if (typeof balancedAccuracy === 'number' && balancedAccuracy > guess + TOLD_APART) return undefined;
  return {
    severity: 'problem',
    title: 'Validation is no better than the majority baseline',
    evidence: `validation ${metric} ${percent(reached)}; majority baseline ${percent(floor)}`,
    remedy:
      'check the other findings about features first; then sweep learning rate, input normalisation and class weights',
    flag: '--grid "lr=1e-2,1e-3,1e-4;normalize=none,l2,standardize;class-weight=none,balanced"',
  };
};

/** Gap between training and validation from which learning by heart is likely to cost something. */
const GAP = 0.2;

/** Training predictions are nearly all correct, validation far fewer. */
export const overfitting: Rule = (facts) => {
  const { best, trained, task } = facts;
  const metric = TELLING[task];
  const [training, validation] = [trained[metric], best.val[metric]];
  if (typeof training !== 'number' || typeof validation !== 'number') return undefined;
  const gap = training - validation;
  if (gap < Math.max(GAP, 2 * shareError(validation, validated(facts)))) return undefined;
  const milder = regularised(facts, metric);
  return {
    severity: 'warning',
    title: 'The head overfits its training images',
    evidence: `${metric} ${percent(training)} on training images, ${percent(validation)} on validation: a gap of ${percent(gap)}${milder ? `; in this sweep, ${milder}` : ''}`,
    remedy:
      'regularise: a smaller head, dropout, a weight penalty, more images, or augmented views (permafrost extract --augment)',
    flag: '--grid "hidden=none,64;dropout=0,0.5;l2=0,1e-4,1e-3"',
  };
};

/** How the most regularized head of the sweep did, as a suggestion that was tested. */
function regularised({ results, best }: Facts, metric: MetricName): string | undefined {
  const regularization = ({ config }: HeadResult) =>
    config.dropout + (config.l2 > 0 ? 1 : 0) + (config.l1 > 0 ? 1 : 0) + 1 / (1 + config.hidden.length);
  const other = results
    .filter((result) => result.id !== best.id && typeof result.val[metric] === 'number')
    .filter((result) => regularization(result) > regularization(best))
    .sort((a, b) => scoreOf(b.val, metric) - scoreOf(a.val, metric))[0];
  if (!other) return undefined;
  const { config } = other;
  const options = (['hidden', 'dropout', 'l2', 'l1'] as const)
    .map((key) => `${key} ${formatOption(key, config)}`)
    .join(', ');
  return `the more regularized head ${other.id} (${options}) has ${percent(scoreOf(other.val, metric))}`;
}

const scoreOf = (metrics: Metrics, name: MetricName): number => metrics[name] ?? Number.NEGATIVE_INFINITY;

/** Heads whose loss left the finite numbers. */
export const learningRateTooHigh: Rule = ({ runs }) => {
  const diverged = runs.filter(({ status }) => status === 'diverged');
  if (diverged.length === 0) return undefined;
  const rates = (heads: readonly HeadResult[]) => heads.map(({ config }) => config.lr);
  const min = Math.min(...rates(diverged));
  const trained = rates(runs.filter(({ status }) => status !== 'diverged'));
  const safe = Math.max(...trained.filter((rate) => rate < min));
  return {
    severity: 'warning',
    title: 'The learning rate is too high for some heads',
    evidence: `the loss of ${diverged.length} of ${counted(runs.length, 'head')} became infinite or NaN, at learning rates from ${min}${Number.isFinite(safe) ? `; heads at ${safe} trained` : ''}`,
    remedy: 'lower the learning rate, warm it up over a few epochs, or normalise the features to unit length',
    flag: `--lr ${digits(Number.isFinite(safe) ? safe : min / 10)} --warmup 3 --normalize l2`,
  };
};

/** Share of the epochs that counts as their end, and the fall of the loss there, over the first epoch's, that is no levelling off. */
const END = 0.1;
const STILL_FALLING = 0.01;
const MIN_EPOCHS = 5;

/** The best epoch is the last, and the loss was still going down. */
export const learningRateTooLow: Rule = ({ best }) => {
  const { history, config, bestEpoch, epochs } = best;
  if (config.optimizer === 'lbfgs' || history.length < MIN_EPOCHS || epochs < config.epochs) return undefined;
  const span = Math.max(2, Math.ceil(END * history.length));
  if (bestEpoch <= history.length - span) return undefined;
  const falling = (loss: (epoch: number) => number | null | undefined): number => {
    const [first, before, after] = [0, history.length - span, history.length - 1].map(loss);
    const areNumbers = typeof first === 'number' && typeof before === 'number' && typeof after === 'number';
    return areNumbers && first > 0 ? (before - after) / first : 0;
  };
  const validation = falling((epoch) => history[epoch].val.loss);
  const training = falling((epoch) => history[epoch].trainLoss);
  if (validation < STILL_FALLING || training < STILL_FALLING) return undefined;
  return {
    severity: 'warning',
    title: 'Training ended before it converged: the learning rate is too low, or there are too few epochs',
    evidence: `over the last ${span} of ${counted(history.length, 'epoch')}, the training loss still fell by ${percent(training)} and the validation loss by ${percent(validation)} of their initial values`,
    remedy: 'raise the learning rate or the number of epochs',
    flag: `--lr ${digits(config.lr * 10)} or --epochs ${config.epochs * 4}`,
  };
};
