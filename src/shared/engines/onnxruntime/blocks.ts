/**
 * onnxruntime's own layout of images on a CPU: blocks of as many channels as a vector holds, [batch, channels / block, rows,
 * columns, block]. Its depthwise convolutions are ten times faster there, and need no constant kernels.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createEmitter } from './emitter.ts';
import { sessionOptions } from './options.ts';
import { ELEMENT_TYPE, encodeModel } from './proto.ts';

/** Of what is looked at to learn the size of a block, which divides it. */
const CHANNELS = 64;
const PIXELS = 2;

let known: Promise<number | undefined> | undefined;

/** Channels in a block on this processor; undefined where onnxruntime has no such layout. */
export function blockSize(): Promise<number | undefined> {
  known ??= measuredBlock().catch(() => undefined);
  return known;
}

/** Looks where the numbers of a small image end up. */
async function measuredBlock(): Promise<number | undefined> {
  const emitter = createEmitter();
  const shape = [1, CHANNELS, 1, PIXELS];
  const result = emitter.blockNode('ReorderInput', ['image']);
  const dim = shape.map((size) => ({ dim_value: size }));
  const info = (name: string) => ({
    name,
    type: { tensor_type: { elem_type: ELEMENT_TYPE.float32, shape: { dim } } },
  });
  const model = encodeModel({
    name: 'blocks',
    node: emitter.nodes,
    initializer: [],
    input: [info('image')],
    output: [info(result)],
  });
  const session = await InferenceSession.create(model, sessionOptions('cpu', 1));
  const image = Float32Array.from({ length: CHANNELS * PIXELS }, (_, i) => i);
  const { [result]: computed } = await session.run({ image: new Tensor('float32', image, shape) });
  await session.release();
  const found = computed.data as Float32Array;
  // The second pixel of the first channel comes behind the first pixel of all channels in the block.
  const block = found.indexOf(1);
  const isAsExpected = found.every((number, i) => {
    const [channel, pixel] = [Math.floor(number / PIXELS), number % PIXELS];
    return i === (Math.floor(channel / block) * PIXELS + pixel) * block + (channel % block);
  });
  return block > 1 && CHANNELS % block === 0 && isAsExpected ? block : undefined;
}
