/** An optimiser step on all tensors of a tail and its head, from gradients that lie in one block. */
import { type Arena, type ArenaArray, wholeVectors } from '../../shared/training/arena.ts';
import { type StepSettings, stepHyperparameters, stepper } from '../../shared/training/optimizers.ts';
import type { StepRates } from './state.ts';
import { type TailTensor, type TensorLayout, tensorIn } from './tensors.ts';

interface Stepped {
  layout: TensorLayout;
  blocks: Readonly<Record<'parameters' | 'first' | 'second', ArenaArray>>;
  gradients: ArenaArray;
  /** The batch's, by their outputs' names. */
  statistics: Readonly<Record<string, Float32Array>>;
}

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Steps what is trained, and moves statistics towards those of the batch. */
export function stepTensors(arena: Arena, stepped: Stepped, settings: StepSettings, rates: StepRates): void {
  const { layout, blocks, gradients, statistics } = stepped;
  const { parameters, first, second } = blocks;
  const own = rates.clip > 0 ? clipped(arena, stepped, settings, rates.clip) : settings;
  for (const tensor of layout.tensors) {
    const { start, length, isTrained, isKernel, inputs } = tensor;
    if (!isTrained) continue;
    const isOfTail = inputs === 0;
    const setting = isOfTail ? { ...own, lr: own.lr * rates.lrTail, maxNorm: 0 } : own;
    const address = (block: ArenaArray) => block.address + start * BYTES;
    stepper(arena, setting, { inputs, isKernel })(
      length,
      address(parameters),
      address(gradients),
      address(first),
      address(second),
    );
  }
  for (const tensor of layout.tensors)
    if (tensor.statistic)
      move(tensorIn(parameters.view, tensor), statistics[tensor.statistic.output], tensor);
}

function move(kept: Float32Array, batch: Float32Array, { statistic }: TailTensor): void {
  const momentum = statistic!.momentum;
  for (let i = 0; i < kept.length; i++) kept[i] = kept[i] * momentum + batch[i] * (1 - momentum);
}

/**
 * Keras's global_clipnorm: the gradients, with those of penalties, shrunk until their norm is at most `limit`.
 * @returns settings whose penalties are in the gradients already
 */
function clipped(
  { kernels }: Arena,
  { layout, blocks, gradients }: Stepped,
  settings: StepSettings,
  limit: number,
): StepSettings {
  const [, twiceL2, , , l1] = stepHyperparameters(settings, true);
  for (const tensor of layout.tensors) {
    if (!tensor.isTrained || !tensor.isKernel) continue;
    const [gradient, parameter] = [gradients, blocks.parameters].map(
      ({ address }) => address + tensor.start * BYTES,
    );
    if (twiceL2 > 0) kernels.add(gradient, parameter, wholeVectors(tensor.length), twiceL2);
    if (l1 > 0) addSigns(tensorIn(gradients.view, tensor), tensorIn(blocks.parameters.view, tensor), l1);
  }
  const norm = Math.sqrt(kernels.dot(gradients.address, gradients.address, layout.length));
  if (norm > limit) kernels.scale(gradients.address, layout.length, limit / norm);
  return { ...settings, l1: 0, l2: twiceL2 > 0 ? 0 : settings.l2 };
}

function addSigns(gradient: Float32Array, parameter: Float32Array, l1: number): void {
  for (let i = 0; i < gradient.length; i++) gradient[i] += l1 * Math.sign(parameter[i]);
}
