/** A finished head as a graph answers as the trainer did. */
import { describe, expect, it } from 'vitest';
import { withTemperature } from '../../../src/shared/calibration/temperature.ts';
import { normalizeRows } from '../../../src/shared/dataset/normalize.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import type { HeadRequest } from '../../../src/shared/head/options.ts';
import { headGraph } from '../../../src/shared/head/predictor.ts';
import { random } from '../../../src/shared/random.ts';
import { predictAll } from '../../../src/train/evaluation/predict-all.ts';
import { headResult } from '../../support/head-results.ts';
import {
  CLASSES,
  INPUTS,
  STATISTICS,
  syntheticHead,
  syntheticParameters,
} from '../../support/synthetic-head.ts';

const ROWS = 7;

/** Raw features of very different lengths, one row of them zeros. */
function rawFeatures(): Float32Array {
  const stream = random(1, 'features');
  return Float32Array.from({ length: ROWS * INPUTS }, (_, i) => {
    const row = Math.floor(i / INPUTS);
    return row === 3 ? 0 : stream.normal() * 10 ** (row - 2);
  });
}

/** What training answers, on features that were normalised beforehand. */
async function trainedProbabilities(request: Partial<HeadRequest>): Promise<Float32Array> {
  const matrix = rawFeatures();
  const { config } = headResult('1', 0.5, {}, request);
  normalizeRows(matrix, INPUTS, config.normalize, STATISTICS);
  const data = {
    task: 'multiclass' as const,
    inputs: INPUTS,
    classes: CLASSES.length,
    rows: { train: ROWS, val: 0, test: 0 },
    features: { [config.normalize]: matrix },
    targets: new Uint8Array(ROWS * CLASSES.length),
  };
  const trained = { result: headResult('1', 0.5, {}, request), parameters: syntheticParameters(request) };
  return predictAll(await loadEngine('auto'), trained, data, ROWS);
}

describe('headGraph', () => {
  it.each<Partial<HeadRequest>>([
    { normalize: 'none' },
    { normalize: 'standardize' },
    { normalize: 'l2' },
    { normalize: 'softsign' },
    { normalize: 'standardize', hidden: [8, 4], batchNorm: true, dropout: 0.5, activation: 'gelu' },
    {
      normalize: 'l2',
      hidden: [6],
      bias: false,
      order: ['bn', 'activation', 'dropout', 'dense'],
      batchNorm: true,
    },
    { normalize: 'none', output: 'sigmoid' },
  ])('of %j answers as in training', async (request) => {
    const engine = await loadEngine('auto');
    const program = await engine.compile(headGraph(syntheticHead(request)));
    const { probabilities } = await program.run({ features: rawFeatures() });
    await program.release();
    const expected = await trainedProbabilities(request);
    expect(probabilities).toHaveLength(ROWS * CLASSES.length);
    probabilities.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
    // Different rows must have different answers, or equality would say nothing.
    expect(new Set(probabilities).size).toBeGreaterThan(ROWS);
  });

  it.each(['softmax', 'sigmoid'] as const)(
    'divides the logits of a %s head by its temperature',
    async (output) => {
      const request = { output, normalize: 'standardize' } as const;
      const { record, tensors } = syntheticHead(request);
      const temperature = 2.5;
      const engine = await loadEngine('auto');
      const program = await engine.compile(headGraph({ record: { ...record, temperature }, tensors }));
      const { probabilities } = await program.run({ features: rawFeatures() });
      await program.release();
      const expected = withTemperature(await trainedProbabilities(request), {
        classes: CLASSES.length,
        output,
        temperature,
      });
      // Rows whose probabilities float32 rounded to 0 or 1 cannot be scaled afterwards.
      const within = expected.filter((p) => p > 0.01 && p < 0.99);
      expect(within.length).toBeGreaterThan(CLASSES.length * 2);
      expected.forEach((p, i) => {
        if (p > 0.01 && p < 0.99) expect(probabilities[i]).toBeCloseTo(p, 4);
      });
    },
  );
});
