/** The same stack of heads on every engine that this machine has. */
import { loadEngine } from '../src/shared/engines/engine.ts';
import { messageOf } from '../src/shared/errors.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { headSteps, madeUpData } from './heads.ts';
import type { Measurement } from './report.ts';

const LANES = 32;

/** Steps per second of 32 linear heads in one wide product, optimiser included. */
export async function benchEngines(): Promise<Measurement[]> {
  const data = madeUpData(14_000, 2048, 7);
  const configs = Array.from({ length: LANES }, (_, lane) =>
    resolveConfig(
      { normalize: 'none', epochs: 1, earlyStopping: 0, batchSize: 256, lr: 1e-2 / (1 + lane) },
      'multiclass',
    ),
  );
  const measurements: Measurement[] = [];
  for (const name of ['onnxruntime', 'tensorflow']) {
    try {
      const { version } = await loadEngine(name);
      const { rate } = await headSteps(data, configs, name);
      const what = `a stack of ${LANES} heads 2048-7, batch 256: ${name} (${version})`;
      measurements.push({ what, value: rate / LANES, unit: 'steps/s' });
    } catch (thrown) {
      console.log(`${name} is left out: ${messageOf(thrown)}`);
    }
  }
  return measurements;
}
