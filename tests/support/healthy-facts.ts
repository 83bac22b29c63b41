/** Facts of a healthy run, for tests that change one thing about it. */
import type { FeatureFacts } from '../../src/shared/analysis/feature-facts.ts';
import { diagnose } from '../../src/shared/diagnosis/diagnose.ts';
import type { Facts } from '../../src/shared/diagnosis/finding.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import type { EpochRecord, HeadResult } from '../../src/shared/training/result.ts';

export function healthyFeatures(changes: Partial<FeatureFacts> = {}): FeatureFacts {
  return {
    backbone: 'efficientnet_lite0',
    preprocessing: 'efficientnet-lite',
    isFromFile: false,
    trained: true,
    columns: ['avg'],
    mean: 0.18,
    deviation: 0.4,
    minimum: 0,
    maximum: 5.6,
    meanCosine: 0.35,
    ...changes,
  };
}

/** Losses that fall and level off. */
export function epochs(count: number, loss: (epoch: number) => number): EpochRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    epoch: index + 1,
    lr: 1e-3,
    trainLoss: loss(index + 1),
    val: { loss: 1.1 * loss(index + 1), accuracy: 0.9 },
  }));
}

export function head(
  changes: Partial<HeadResult> = {},
  request: Parameters<typeof resolveConfig>[0] = {},
): HeadResult {
  return {
    id: '1',
    config: resolveConfig(request, 'multiclass'),
    status: 'done',
    epochs: 60,
    bestEpoch: 50,
    seconds: 1,
    val: { loss: 0.2, accuracy: 0.9, balancedAccuracy: 0.89, mAP: 0.95 },
    test: null,
    history: epochs(60, (epoch) => 0.2 + Math.exp(-epoch / 8)),
    ...changes,
  };
}

export function healthy(changes: Partial<Facts> = {}): Facts {
  const best = head();
  return {
    task: 'multiclass',
    classes: ['a', 'b', 'c', 'd'],
    rows: { train: 800, val: 2000, test: 200 },
    features: [healthyFeatures()],
    separability: { linearAuc: 0.96, neighbourAuc: 0.94, chanceError: 0.02 },
    results: [best],
    runs: [best],
    best,
    trained: { accuracy: 0.97 },
    majority: { accuracy: 0.25 },
    leaderboard: [
      { id: '1', interval: { low: 0.198, high: 0.202 }, tied: true },
      { id: '2', interval: { low: 0.25, high: 0.27 }, tied: false },
    ],
    perClass: ['a', 'b', 'c', 'd'].map((name) => ({
      name,
      precision: 0.9,
      recall: 0.88,
      f1: 0.89,
      support: 50,
      averagePrecision: 0.95,
      auc: 0.97,
    })),
    evaluated: { split: 'test', metrics: { accuracy: 0.9, balancedAccuracy: 0.88, f1Macro: 0.89 } },
    ...changes,
  };
}

/** Ids of what is found. */
export function found(changes: Partial<Facts>): string[] {
  return diagnose(healthy(changes)).map(({ id }) => id);
}
