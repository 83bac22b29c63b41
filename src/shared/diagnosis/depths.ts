/** What earlier layers know and the last layer does not. */
import { CLEAR_GAP } from '../analysis/depth-gap.ts';
import { BACKBONES } from '../backbones/registry.ts';
import { commandLine } from '../command-line.ts';
import { percent, points, type Rule } from './finding.ts';

/**
 * A probe on all depths is right more often than one on the last layer, by more than chance: resamples of the images give
 * such a difference in 39 of 40 cases.
 */
export const domainFar: Rule = ({ depths, folder = 'RUN/best' }) => {
  if (!depths?.interval) return undefined;
  const { backbone, metric, last, interval, images } = depths;
  if (depths.depths - last < CLEAR_GAP || interval.low <= 0) return undefined;
  const canBeTuned = BACKBONES.has(backbone);
  return {
    severity: 'note',
    title: `The images are far from those that ${backbone} was trained on`,
    evidence: `on ${images} images left out in turn, a linear probe has ${metric} ${percent(last)} on the last layer and ${percent(depths.depths)} on all depths (95 % interval of the difference: ${points(interval.low)} to ${points(interval.high)} points)`,
    remedy: `let heads on all depths compete (--grid does)${canBeTuned ? ', and train the end of the backbone on your images' : ', and try another backbone'}`,
    flag: canBeTuned ? commandLine(['permafrost', 'fine-tune', '--head', folder]) : null,
  };
};
