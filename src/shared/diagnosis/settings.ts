/** Settings that are trained, but contradict each other. Those that cannot work at all are refused: options/output-loss.ts. */

import { counted, plural } from '../plural.ts';
import type { Rule } from './finding.ts';

/** A softmax between layers lets one unit through and hides the rest. */
export const softmaxInside: Rule = ({ best, results }) => {
  const { hidden, activation } = best.config;
  const used = results.filter(({ config }) => config.hidden.length > 0 && config.activation === 'softmax');
  if (used.length === 0) return undefined;
  const isBest = hidden.length > 0 && activation === 'softmax';
  return {
    severity: isBest ? 'problem' : 'warning',
    title: 'Softmax inside the head',
    evidence: `${used.length} of ${counted(results.length, 'head')} ${plural(used.length, 'has', 'have')} softmax as the activation of a hidden layer${isBest ? ', the best among them' : ''}: the units of a layer then sum to 1, so each unit carries less information in a wider layer, and gradients nearly vanish`,
    remedy: 'use softmax only after the last layer, and relu for hidden layers',
    flag: '--activation relu',
  };
};
