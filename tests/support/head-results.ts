/** Head results for tests. */
import type { HeadRequest } from '../../src/shared/head/options.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import type { HeadResult } from '../../src/shared/training/result.ts';

/** A finished multiclass head with two epochs. */
export function headResult(
  id: string,
  accuracy: number,
  overrides: Partial<HeadResult> = {},
  request: Partial<HeadRequest> = {},
): HeadResult {
  return {
    id,
    config: resolveConfig(request, 'multiclass'),
    status: 'done',
    epochs: 2,
    bestEpoch: 2,
    seconds: 0.25,
    val: { loss: 0.5, accuracy },
    test: { loss: 0.75, accuracy: accuracy / 2 },
    history: [
      { epoch: 1, lr: 0.001, trainLoss: 1.5, val: { loss: 1, accuracy: accuracy / 4 } },
      { epoch: 2, lr: 0.001, trainLoss: 1.25, val: { loss: 0.5, accuracy } },
    ],
    ...overrides,
  };
}
