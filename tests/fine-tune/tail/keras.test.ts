/** Ends of a small MobileNetV2, trained beside Keras's; the other networks are in keras.golden.ts. */
import { it } from 'vitest';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';
import { expectKerasTraining, tailRuns } from '../../support/tail-training.ts';

const engines = ENGINES_UNDER_TEST.filter((name) => name !== 'tfjs-backend-wasm');
const places = engines.flatMap((engine) =>
  (engine === 'tfjs-node' ? [false, true] : [false]).map((usesDevice) => ({ engine, usesDevice })),
);

it.each(places.flatMap((place) => tailRuns(['mobilenet_v2_0.35']).map((run) => ({ ...run, ...place, run }))))(
  '50 steps of $optimizer with $batchNorm batch-norm are those of Keras on $engine (on its device: $usesDevice)',
  async ({ engine, usesDevice, run }) => {
    await expectKerasTraining(await loadUnderTest(engine, { threads: 1 }), run, usesDevice);
  },
);
