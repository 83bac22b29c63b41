/** A trained head and tail as one list of numbers, as leaderboards and checkpoints keep it. */
import { elementCount } from '../../shared/graph/value.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import type { Tensor } from '../../shared/weights/safetensors.ts';
import type { TailNetwork } from '../tail/network.ts';
import type { TrainedTail } from '../tail/train-tail.ts';

type Numbers = Pick<TrainedTail, 'head' | 'tail'>;

/** The head's parameters, then the tail's weights in the network's order; empty for one that diverged. */
export function joinedNumbers({ result, head, tail }: TrainedTail, { weights }: TailNetwork): TrainedHead {
  if (tail.size === 0) return { result, parameters: new Float32Array(0) };
  const length = weights.reduce((sum, { shape }) => sum + elementCount(shape), head.length);
  const parameters = new Float32Array(length);
  parameters.set(head);
  let offset = head.length;
  for (const { name, shape } of weights) {
    const tensor = tail.get(name);
    if (!tensor) throw new Error(`The trained tail has no ${name}`);
    parameters.set(tensor.data, offset);
    offset += elementCount(shape);
  }
  return { result, parameters };
}

/** What {@link joinedNumbers} was given. */
export function dividedNumbers({ parameters }: TrainedHead, { weights }: TailNetwork): Numbers {
  const tail = new Map<string, Tensor>();
  let offset = parameters.length - weights.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const head = parameters.subarray(0, offset);
  for (const { name, shape } of weights) {
    const data = parameters.slice(offset, offset + elementCount(shape));
    tail.set(name, { shape, data });
    offset += data.length;
  }
  return { head, tail };
}
