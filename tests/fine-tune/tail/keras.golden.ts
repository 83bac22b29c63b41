/** Ends of networks of seven families, trained beside Keras's; prints the largest differences. */
import { it } from 'vitest';
import { ENGINES_UNDER_TEST, loadUnderTest } from '../../support/engines.ts';
import { expectKerasTraining, tailRuns } from '../../support/tail-training.ts';

it.each(ENGINES_UNDER_TEST.flatMap((engine) => tailRuns().map((run) => ({ ...run, engine, run }))))(
  '$name: 50 steps of $optimizer with $batchNorm batch-norm are those of Keras on $engine',
  async ({ engine, run, name, batchNorm, optimizer }) => {
    const off = await expectKerasTraining(await loadUnderTest(engine), run, engine === 'tfjs-node');
    const [loss, weight, change] = [off.loss, off.weight, off.change].map((part) => part.toExponential(1));
    console.info(
      `${engine} ${name} ${batchNorm} ${optimizer}: loss ${loss}, weights ${weight}, change ${change}`,
    );
  },
);
