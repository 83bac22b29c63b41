/** Options of everything that runs an engine. */
import { availableParallelism } from 'node:os';
import type { OptionTable } from '../options.ts';
import { choice, wholeNumber } from '../values.ts';
import { ENGINE_NAMES } from './engine.ts';

export const ENGINE_OPTIONS = {
  // 8, 16 and 32 are equally fast on two cores; extract as a whole takes 400, 500 and 760 MB.
  batchSize: { kind: wholeNumber(1), description: 'Batch size of the backbone', default: 16 },
  concurrency: {
    kind: wholeNumber(1),
    description: 'Images read and decoded in parallel',
    default: 2 * availableParallelism(),
    defaultText: 'twice the number of cores',
  },
  engine: {
    kind: choice(ENGINE_NAMES),
    description: `Compute engine: ${ENGINE_NAMES.join(', ')}`,
    default: 'auto',
  },
} satisfies OptionTable;
