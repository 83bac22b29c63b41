/** When a fine-tuning is chosen over the head that it began with. */
import { describe, expect, it } from 'vitest';
import { isClearlyBetter } from '../../../src/fine-tune/search/clearly-better.ts';

/** Predictions for images of the first of two classes. @param sure the probability of that class, image by image */
function predictions(sure: readonly number[]) {
  return {
    task: 'multiclass' as const,
    classes: 2,
    rows: sure.length,
    targets: Uint8Array.from(sure.flatMap(() => [1, 0])),
    probabilities: Float32Array.from(sure.flatMap((p) => [p, 1 - p])),
  };
}

const start = predictions([0.6, 0.7, 0.8, 0.6, 0.7, 0.8, 0.6, 0.7]);

describe('a fine-tuning', () => {
  it('that is better for most images is', () => {
    expect(isClearlyBetter(predictions([0.9, 0.9, 0.9, 0.9, 0.9, 0.7, 0.9, 0.9]), start, 'loss')).toBe(true);
    expect(isClearlyBetter(start, predictions([0.4, 0.4, 0.4, 0.4, 0.7, 0.8, 0.6, 0.7]), 'accuracy')).toBe(
      true,
    );
  });

  it.each([
    ['that is the same', [0.6, 0.7, 0.8, 0.6, 0.7, 0.8, 0.6, 0.7]],
    ['whose gain hangs on one image', [0.6, 0.99, 0.75, 0.57, 0.66, 0.75, 0.57, 0.66]],
    ['that is worse', [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.5, 0.6]],
  ])('%s is not', (_, sure) => {
    expect(isClearlyBetter(predictions(sure), start, 'loss')).toBe(false);
  });

  it('is not on a single image, of which nothing can be resampled', () => {
    expect(isClearlyBetter(predictions([0.9]), predictions([0.6]), 'loss')).toBe(false);
  });
});
