/** Which heads train side by side on a device: many more than on a CPU, and also heads with hidden layers. */

import type { TrainingData } from '../../../shared/dataset/data.ts';
import { elementCount } from '../../../shared/graph/value.ts';
import { headLayers, headParameters } from '../../../shared/head/layers.ts';
import type { HeadJob } from '../../../shared/search/configurations.ts';
import { groupedStacks, planStacks, stackKey } from '../plan.ts';

/** Heads of one stack: enough that a step is no longer the sum of its launches. */
const MAX_LANES = 256;
/** Parameters of one stack: half a gigabyte, of which a step holds about eight copies. */
const MAX_PARAMETERS = 2 ** 27;

/** Groups heads that see the same batches and have the same layers. lbfgs has no steps and stays on the host. */
export function planWideStacks(
  jobs: readonly HeadJob[],
  { inputs, classes }: Pick<TrainingData, 'inputs' | 'classes'>,
): HeadJob[][] {
  const solves = ({ config }: HeadJob) => config.optimizer === 'lbfgs';
  const max = ({ config }: HeadJob) => {
    const parameters = headParameters(headLayers(config, inputs, classes)).reduce(
      (sum, { shape }) => sum + elementCount(shape),
      0,
    );
    return Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_PARAMETERS / parameters)));
  };
  return [
    ...groupedStacks(
      jobs.filter((job) => !solves(job)),
      stackKey,
      max,
      1,
    ),
    ...planStacks(jobs.filter(solves), classes, 1),
  ];
}
