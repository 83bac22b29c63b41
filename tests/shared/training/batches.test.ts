/** What a training batch holds. */
import { describe, expect, it } from 'vitest';
import type { TrainingData } from '../../../src/shared/dataset/data.ts';
import { batchFiller, epochOrder } from '../../../src/shared/training/batches.ts';

/** Targets row by row; features are the row's number twice. */
function dataOf(task: TrainingData['task'], targets: number[][], train = targets.length): TrainingData {
  const rows = targets.length;
  return {
    task,
    inputs: 2,
    classes: targets[0].length,
    rows: { train, val: rows - train, test: 0 },
    features: { none: Float32Array.from({ length: rows * 2 }, (_, i) => i >> 1) },
    targets: Uint8Array.from(targets.flat()),
  };
}

type Settings = Parameters<typeof batchFiller>[1];
const PLAIN: Settings = { normalize: 'none', output: 'softmax', labelSmoothing: 0, classWeight: 'none' };

function filled(data: TrainingData, settings: Partial<Settings>, rows: number[]) {
  const numbers = rows.length * data.classes;
  const batch = {
    features: new Float32Array(rows.length * data.inputs),
    targets: new Float32Array(numbers),
    weights: new Float32Array(numbers),
  };
  batchFiller(data, { ...PLAIN, ...settings })(Int32Array.from(rows), batch);
  return { features: [...batch.features], targets: [...batch.targets], weights: [...batch.weights] };
}

const rounded = (values: number[]) => values.map((value) => Number(value.toFixed(6)));

describe('epochOrder', () => {
  it('names every training row once, in an order that follows from seed and epoch', () => {
    const order = epochOrder(50, 3, 1);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, row) => row));
    expect(epochOrder(50, 3, 1)).toEqual(order);
    expect(epochOrder(50, 3, 2)).not.toEqual(order);
    expect(epochOrder(50, 4, 1)).not.toEqual(order);
  });
});

describe('batchFiller', () => {
  // Three rows of class 0, one of class 1; the last row is a validation row.
  const skewed = dataOf(
    'multiclass',
    [
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
      [0, 1],
    ],
    4,
  );

  it('gathers the rows it is given, each weighing the same', () => {
    expect(filled(skewed, {}, [3, 0])).toEqual({
      features: [3, 3, 0, 0],
      targets: [0, 1, 1, 0],
      weights: [0.5, 0.5, 0.5, 0.5],
    });
  });

  it('averages over the classes for binary cross-entropy', () => {
    expect(filled(skewed, { output: 'sigmoid' }, [0, 1]).weights).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('weighs rows by class as scikit-learn does: rows / (classes * rows of the class)', () => {
    // compute_class_weight('balanced', classes=[0, 1], y=[0, 0, 0, 1]) is [0.6667, 2].
    const { weights } = filled(skewed, { classWeight: 'balanced' }, [0, 3]);
    expect(rounded(weights)).toEqual(rounded([4 / (2 * 3) / 2, 4 / (2 * 3) / 2, 4 / (2 * 1) / 2, 1]));
  });

  it('multiplies sample weights and class weights', () => {
    const data = { ...skewed, weights: Float32Array.of(1, 3, 1, 0.5, 1) };
    expect(rounded(filled(data, {}, [1, 3]).weights)).toEqual([1.5, 1.5, 0.25, 0.25]);
    expect(rounded(filled(data, { classWeight: 'balanced' }, [1, 3]).weights)).toEqual([1, 1, 0.5, 0.5]);
  });

  it("balances each label's yes and no for multi-label data, and leaves a label without a yes alone", () => {
    const data = dataOf('multilabel', [
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    const settings = { output: 'sigmoid', classWeight: 'balanced' } as const;
    const { weights } = filled(data, settings, [0, 1, 2, 3]);
    // 4 / (2 * 1) for the one yes, 4 / (2 * 3) for each no; 4 / (2 * 4) for a label that is always no.
    const perElement = 1 / 2 / 4;
    expect(rounded(weights)).toEqual(
      rounded([2, 0.5, 4 / 6, 0.5, 4 / 6, 0.5, 4 / 6, 0.5].map((weight) => weight * perElement)),
    );
  });

  it('smooths labels as Keras does: over all classes for softmax, over yes and no for sigmoid', () => {
    const data = dataOf('multiclass', [[0, 1, 0, 0]]);
    expect(rounded(filled(data, { labelSmoothing: 0.2 }, [0]).targets)).toEqual([0.05, 0.85, 0.05, 0.05]);
    expect(rounded(filled(data, { labelSmoothing: 0.2, output: 'sigmoid' }, [0]).targets)).toEqual([
      0.1, 0.9, 0.1, 0.1,
    ]);
  });
});
