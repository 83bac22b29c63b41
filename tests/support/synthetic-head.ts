/** Trained heads for tests, their numbers drawn from a seed. */

import { headTensors } from '../../src/shared/head/head-tensors.ts';
import { headLayers, headParameters } from '../../src/shared/head/layers.ts';
import type { HeadRequest } from '../../src/shared/head/options.ts';
import type { Head, HeadRecord } from '../../src/shared/head/record.ts';
import { resolveConfig } from '../../src/shared/head/resolve.ts';
import { random } from '../../src/shared/random.ts';
import { pipeline } from './pipeline.ts';

export const CLASSES = ['a', 'b', 'c'];
/** Features of the head's two columns together. */
export const INPUTS = 5;

/** Parameters of all layers, one after the other; variances are positive. */
export function syntheticParameters(request: Partial<HeadRequest>): Float32Array {
  const layers = headLayers(resolveConfig(request, 'multiclass'), INPUTS, CLASSES.length);
  const stream = random(5, 'parameters');
  return Float32Array.from(
    headParameters(layers).flatMap(({ name, shape }) =>
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
        name.endsWith('variance') ? 0.5 + stream.uniform() : stream.normal(),
      ),
    ),
  );
}

export const STATISTICS = {
  mean: Float32Array.of(1, 2, 3, 4, 5),
  deviation: Float32Array.of(0.5, 1, 2, 1, 3),
};

/** A multiclass head on one store's columns avg and max. */
export function syntheticHead(request: Partial<HeadRequest> = {}): Head {
  const config = resolveConfig(request, 'multiclass');
  const record: HeadRecord = {
    format: 'permafrost-head',
    formatVersion: 1,
    version: '0.1.0',
    engine: { name: 'onnxruntime', version: '1.0.0' },
    task: 'multiclass',
    classes: CLASSES,
    config,
    sources: [{ pipeline: pipeline(), columns: ['avg', 'max'], dimension: INPUTS }],
    metrics: { val: { loss: 0.5, mAP: null }, test: null },
  };
  return { record, tensors: headTensors(record, syntheticParameters(request), STATISTICS) };
}
