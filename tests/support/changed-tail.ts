/** The end of a network as if it had been trained. */
import type { TailWeight } from '../../src/shared/backbones/cut/weights.ts';
import { random } from '../../src/shared/random.ts';
import type { Tensor } from '../../src/shared/weights/safetensors.ts';

/** Every weight multiplied by numbers from 0.5 to 1.5, so that variances stay positive. */
export function changedTail(weights: readonly TailWeight[]): Map<string, Tensor> {
  const stream = random(2, 'tail');
  return new Map(
    weights.map(({ name, shape, data }) => [
      name,
      { shape, data: data.map((value) => value * (0.5 + stream.uniform())) },
    ]),
  );
}
