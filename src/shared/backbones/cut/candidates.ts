/** What each cut of a network would cost: what `--from auto` chooses among. */
import { graph } from '../../graph/build.ts';
import { elementCount, type Value } from '../../graph/value.ts';
import { convolutionWork, multiplyAdds } from '../multiply-adds.ts';
import { allCuts, behindCut, type Cut, type Network } from './find.ts';
import { BATCH_NORM } from './weights.ts';

export interface CutCandidate {
  readonly cut: Cut;
  /** Numbers that are trained where batch-norms are frozen. */
  readonly trainedParameters: number;
  /** Numbers that are kept of each image. */
  readonly keptNumbers: number;
  /** Multiply-adds of one image through the front, which runs once. */
  readonly frontWork: number;
  /** Multiply-adds of one image through the tail: what it adds to a prediction, and to each validation. */
  readonly tailWork: number;
  /** Multiply-adds of one image in a training step: through the tail, and back for the gradients. */
  readonly stepWork: number;
}

/** All cuts of a network, that which trains most first. */
export function cutCandidates(network: Network): CutCandidate[] {
  const whole = multiplyAdds(graph({ map: network.map }).values);
  return allCuts(network).map((cut) => {
    const tail = behindCut([network.map], network.outputs.get(cut.layer)!) ?? [];
    const tailWork = multiplyAdds(tail);
    const parameters = cut.trained.filter(({ kind }) => kind !== BATCH_NORM);
    return {
      cut,
      trainedParameters: parameters
        .flatMap(({ weights }) => weights)
        .reduce((sum, { shape }) => sum + elementCount(shape), 0),
      keptNumbers: elementCount(cut.shape),
      frontWork: whole - tailWork,
      tailWork,
      stepWork: tailWork + gradientWork(tail),
    };
  });
}

/** A kernel's gradient is as much work as the convolution, and so is that of an image, which the first ones do without. */
function gradientWork(tail: readonly Value[]): number {
  const varied = new Set<Value>();
  return tail.reduce((sum, value) => {
    const [image] = value.inputs;
    const work = convolutionWork(value);
    if (work > 0 || value.inputs.some((source) => varied.has(source))) varied.add(value);
    return sum + (varied.has(image) ? 2 : 1) * work;
  }, 0);
}
