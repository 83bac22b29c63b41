/** The backbone's thread: an engine's run blocks the thread it is called from, and this one decodes nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine, type Program } from '../../engines/engine.ts';
import { messageOf } from '../../errors.ts';
import { DEFAULT_RESIZE, resolveResize } from '../../images/resize.ts';
import { loadBackbone } from '../load.ts';
import type { BackboneRequest, FromBackbone, ToBackbone } from './protocol.ts';

const port = parentPort!;
const send = (message: FromBackbone, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const opening = (file: string | undefined): void =>
  send(file === undefined ? { kind: 'opened' } : { kind: 'opening', file });

try {
  const { engine: engineName, device, resize = {}, ...options } = workerData as BackboneRequest;
  const engine = await loadEngine(engineName, {
    device,
    note: (message) => send({ kind: 'note', message }),
  });
  const { graph, name, size, weights, weightsHash, preprocessing, columns } = await loadBackbone({
    ...options,
    opening,
  });
  let program: Program | undefined;

  const run = async (pixels: Uint8Array<ArrayBuffer>, images: number): Promise<void> => {
    // A run in which every image is known never gets here, and need not compile.
    program ??= await engine.compile(graph);
    const into: Record<string, Float32Array<ArrayBuffer>> = {};
    for (const { name, dimension } of columns) into[name] = new Float32Array(images * dimension);
    const imageBytes = size.width * size.height * 3;
    await program.run({ pixels: pixels.subarray(0, images * imageBytes) }, into);
    const features = columns.map(({ name }) => into[name]);
    send({ kind: 'features', features, pixels }, [pixels.buffer, ...features.map(({ buffer }) => buffer)]);
  };

  // One message at a time, in order.
  let last = Promise.resolve();
  port.on('message', (message: ToBackbone) => {
    last = last.then(() => (message ? run(message.pixels, message.images) : end())).catch(fail);
  });
  const end = async (): Promise<void> => {
    await program?.release();
    port.close();
  };

  const { version, singleThreaded } = engine;
  send({
    kind: 'ready',
    singleThreaded,
    description: {
      name,
      size: { ...size },
      weights,
      weightsHash,
      preprocessing,
      resize: resolveResize(resize, DEFAULT_RESIZE),
      columns: columns.map((column) => ({ ...column })),
      engine: { name: engine.name, version },
    },
  });
} catch (thrown) {
  fail(thrown);
}

function fail(thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  send({ kind: 'failed', name: error.name, message: error.message, stack: error.stack });
  port.close();
}
