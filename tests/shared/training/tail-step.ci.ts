/** 50 steps on the last block of ResNet50, on onnxruntime. */
import { it } from 'vitest';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { expectKerasTraining, tailRuns } from '../../support/tail-training.ts';

it.each(tailRuns('resnet50'))('with $optimizer they are those of Keras', async (run) => {
  await expectKerasTraining(await loadEngine('onnxruntime'), run);
});
