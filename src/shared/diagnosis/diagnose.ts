/** The table of failures that are recognised. Start reading here. */

import { domainFar } from './depths.ts';
import { imbalanceHidden, validationTooSmall } from './evaluation.ts';
import {
  featuresUnlikeBackbone,
  imagesLookAlike,
  nothingSeparated,
  preprocessingDiffers,
} from './features.ts';
import { type Facts, type Finding, type Rule, SEVERITIES } from './finding.ts';
import { learningRateTooHigh, learningRateTooLow, overfitting, stuckAtMajority } from './learning.ts';
import { softmaxInside } from './settings.ts';

/** Every rule by the id of its finding. */
const RULES: Readonly<Record<string, Rule>> = {
  'preprocessing-differs': preprocessingDiffers,
  'images-look-alike': imagesLookAlike,
  'features-unlike-backbone': featuresUnlikeBackbone,
  'features-separate-nothing': nothingSeparated,
  'domain-far': domainFar,
  'softmax-inside': softmaxInside,
  'stuck-at-majority': stuckAtMajority,
  overfitting,
  'learning-rate-too-high': learningRateTooHigh,
  'learning-rate-too-low': learningRateTooLow,
  'imbalance-hidden': imbalanceHidden,
  'validation-too-small': validationTooSmall,
};

/** The findings about a run, the most severe first. */
export function diagnose(facts: Facts): Finding[] {
  return Object.entries(RULES)
    .flatMap(([id, rule]) => {
      const found = rule(facts);
      return found ? [{ id, ...found }] : [];
    })
    .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

/** A finding as lines for a terminal. */
export function describeFinding({ severity, title, evidence, remedy, flag }: Finding): string {
  return [
    `${severity}: ${title}`,
    `  evidence  ${evidence}`,
    `  remedy    ${remedy}`,
    ...(flag === null ? [] : [`  try       ${flag}`]),
  ].join('\n');
}
