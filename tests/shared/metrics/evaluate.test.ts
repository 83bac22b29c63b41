/** Metrics against scikit-learn, and their edges. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MetricName, Task } from '../../../src/shared/head/config.ts';
import { metricsOf } from '../../../src/shared/head/config.ts';
import { baseline } from '../../../src/shared/metrics/baseline.ts';
import { compareMetric } from '../../../src/shared/metrics/compare.ts';
import type { Evaluation } from '../../../src/shared/metrics/counts.ts';
import { evaluate } from '../../../src/shared/metrics/evaluate.ts';
import { type ClassReport, confusionMatrix, perClass } from '../../../src/shared/metrics/per-class.ts';

interface Golden {
  units: number;
  cases: {
    name: string;
    task: Task;
    rows: number;
    classes: number;
    units: number[];
    targets: number[];
    metrics: Record<MetricName, number | null>;
    perClass: Record<keyof Omit<ClassReport, 'name'>, (number | null)[]>;
    confusion: number[][];
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8'));

/** Absolute difference allowed: probabilities are float32, sums float64. */
const TOLERANCE = 1e-6;

function expectNear(received: number | null | undefined, wanted: number | null, name: string): void {
  if (wanted === null) expect(received, name).toBeNull();
  else expect(Math.abs(received! - wanted), `${name}: ${received} for ${wanted}`).toBeLessThan(TOLERANCE);
}

describe.each(golden.cases)('like scikit-learn: $name ($task)', (one) => {
  const evaluation = {
    probabilities: Float32Array.from(one.units, (count) => count / golden.units),
    targets: Uint8Array.from(one.targets),
    rows: one.rows,
    classes: one.classes,
    task: one.task,
  };
  const { probabilities, targets, rows, classes, task } = evaluation;

  it('computes every metric of the task', () => {
    const metrics = evaluate({ probabilities, targets, rows, classes, task });
    expect(Object.keys(metrics)).toEqual([...metricsOf(task)]);
    expect(Object.keys(one.metrics).sort()).toEqual([...metricsOf(task)].sort());
    for (const name of metricsOf(task)) expectNear(metrics[name], one.metrics[name], name);
  });

  it('computes the scores of each class and the confusion matrix', () => {
    const names = Array.from({ length: classes }, (_, label) => `c${label}`);
    perClass(evaluation, names).forEach(({ name, ...report }, label) => {
      expect(name).toBe(names[label]);
      for (const key of Object.keys(report) as (keyof typeof report)[]) {
        expectNear(report[key], one.perClass[key][label]!, `${name} ${key}`);
      }
    });
    expect(confusionMatrix(evaluation)).toEqual({ task, counts: one.confusion });
  });
});

/** One row of two classes. */
const oneRow = (task: Task, probabilities: number[], targets: number[]): Evaluation => ({
  probabilities: Float32Array.from(probabilities),
  targets: Uint8Array.from(targets),
  rows: 1,
  classes: 2,
  task,
});

describe('evaluate', () => {
  it('computes only the metrics asked for, and none the task lacks', () => {
    const metrics = evaluate(oneRow('multiclass', [0.9, 0.1], [1, 0]), ['loss', 'binaryAccuracy']);
    expect(Object.keys(metrics)).toEqual(['loss']);
  });

  it('clips probabilities as Keras does', () => {
    const { loss } = evaluate(oneRow('multiclass', [1, 0], [0, 1]));
    expect(loss).toBeCloseTo(-Math.log(1e-7), 6);
    const binary = evaluate(oneRow('multilabel', [1, 0], [0, 0])).loss!;
    expect(binary).toBeCloseTo(-Math.log(1e-7) / 2, 5);
  });

  it('scales sigmoid outputs of a multiclass head to add up to 1 for the loss', () => {
    const { loss } = evaluate(oneRow('multiclass', [0.8, 0.8], [1, 0]));
    expect(loss).toBeCloseTo(Math.LN2, 6);
  });

  it('counts a multiclass row of zero probabilities as wrong, not as NaN', () => {
    const { loss } = evaluate(oneRow('multiclass', [0, 0], [1, 0]));
    expect(loss).toBeCloseTo(-Math.log(1e-7), 6);
  });

  it('predicts a label only above the threshold of a half', () => {
    const { binaryAccuracy } = evaluate(oneRow('multilabel', [0.5, 0.51], [0, 1]));
    expect(binaryAccuracy).toBe(1);
  });

  it('says null where the rows leave a metric undefined', () => {
    const none = evaluate({
      probabilities: Float32Array.of(0.1, 0.2),
      targets: Uint8Array.of(0, 0),
      rows: 2,
      classes: 1,
      task: 'multilabel',
    });
    expect(none).toMatchObject({
      auc: null,
      mAP: null,
      f1Macro: null,
      f1Micro: null,
      balancedAccuracy: null,
    });
    const empty = evaluate({
      probabilities: new Float32Array(0),
      targets: new Uint8Array(0),
      rows: 0,
      classes: 3,
      task: 'multiclass',
    });
    expect(Object.values(empty).every((value) => value === null)).toBe(true);
  });

  it('gives a NaN loss for NaN probabilities', () => {
    const { loss } = evaluate(oneRow('multiclass', [Number.NaN, Number.NaN], [1, 0]));
    expect(loss).toBeNaN();
  });
});

describe('baseline', () => {
  it('always predicts the most frequent training class', () => {
    const training = Uint8Array.of(1, 0, 1, 0, 1, 0, 0, 1);
    const evaluated = Uint8Array.of(1, 0, 0, 1);
    const metrics = baseline(training, evaluated, 2, 'multiclass');
    expect(metrics).toMatchObject({ accuracy: 0.5, balancedAccuracy: 0.5, auc: 0.5, mAP: 0.5 });
    expect(metrics.loss).toBeCloseTo(-(Math.log(0.75) + Math.log(0.25)) / 2, 6);
  });

  it('predicts the majority of each label', () => {
    const training = Uint8Array.of(1, 0, 1, 0, 1, 1);
    const metrics = baseline(training, Uint8Array.of(1, 0, 0, 0), 2, 'multilabel');
    expect(metrics).toMatchObject({ subsetAccuracy: 0.5, binaryAccuracy: 0.75 });
  });
});

describe('compareMetric', () => {
  it('puts small losses, great scores and known values first', () => {
    const sorted = (metric: MetricName, values: (number | null)[]) =>
      values.sort((a, b) => compareMetric(metric, a, b));
    expect(sorted('loss', [null, 2, Number.NaN, 1])).toEqual([1, 2, null, Number.NaN]);
    expect(sorted('auc', [0.5, null, 0.9])).toEqual([0.9, 0.5, null]);
  });
});
