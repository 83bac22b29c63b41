/** The backbone's thread: an engine's run blocks the thread it is called from, and this one decodes nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine, type Program } from '../../engines/engine.ts';
import { messageOf, usage } from '../../errors.ts';
import { elementCount } from '../../graph/value.ts';
import { DEFAULT_RESIZE, resolveResize } from '../../images/resize.ts';
import { loadCutBackbone } from '../cut/load.ts';
import { ACTIVATION } from '../cut/split.ts';
import { loadBackbone } from '../load.ts';
import { isModelFile, modelFilePath } from '../model-file/request.ts';
import { findBackbone } from '../registry.ts';
import type {
  BackboneDescription,
  FromBackbone,
  FrontRequest,
  TailedRequest,
  ThreadRequest,
  ToBackbone,
} from './protocol.ts';

const port = parentPort!;
const send = (message: FromBackbone, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const note = (message: string): void => send({ kind: 'note', message });
const opening = (file: string | undefined): void =>
  send(file === undefined ? { kind: 'opened' } : { kind: 'opening', file });

interface Loaded {
  description: BackboneDescription;
  /** See Engine. */
  singleThreaded: boolean;
  compile(): Promise<Program>;
}

try {
  const request = workerData as ThreadRequest;
  const loaded = await (isModelFile(request.name) ? loadModelFile(request) : loadNetwork(request));
  const { size, columns } = loaded.description;
  let program: Program | undefined;

  const run = async (pixels: Uint8Array<ArrayBuffer>, images: number): Promise<void> => {
    // A run in which every image is known never gets here, and need not compile.
    program ??= await loaded.compile();
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

  send({ kind: 'ready', singleThreaded: loaded.singleThreaded, description: loaded.description });
} catch (thrown) {
  fail(thrown);
}

function fail(thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  send({ kind: 'failed', name: error.name, message: error.message, stack: error.stack });
  port.close();
}

/** One of permafrost's own networks, or its front. */
async function loadNetwork(request: ThreadRequest): Promise<Loaded> {
  const { engine: engineName, device, resize = {}, ...options } = request;
  const engine = await loadEngine(engineName, { device, note });
  const { graph, ...network } = await ('from' in options ? loadFront(options) : loadWhole(options));
  return {
    description: {
      ...network,
      resize: resolveResize(resize, DEFAULT_RESIZE),
      engine: { name: engine.name, version: engine.version },
    },
    singleThreaded: engine.singleThreaded,
    compile: () => engine.compile(graph),
  };
}

type Own = 'engine' | 'device' | 'resize';

async function loadWhole(options: Omit<TailedRequest, Own>) {
  const { columns, ...loaded } = await loadBackbone({ ...options, opening, note });
  return { ...loaded, columns: [...columns] };
}

async function loadFront({ from, ...options }: Omit<FrontRequest, Own>) {
  const { name, weights } = options;
  const { cut, front, frontColumns, size, weightsHash, preprocessing } = await loadCutBackbone({
    ...options,
    from,
    batchNorm: 'frozen',
    opening,
    note,
  });
  const activation = { name: ACTIVATION, dimension: elementCount(cut.shape) };
  const columns = [activation, ...frontColumns];
  return { graph: front, name: findBackbone(name).name, size, weights, weightsHash, preprocessing, columns };
}

/** An ONNX file, which onnxruntime runs as it is. */
async function loadModelFile({ name, weights, engine, device, ...request }: ThreadRequest): Promise<Loaded> {
  if (engine !== 'auto' && engine !== 'onnxruntime')
    throw usage('auto or onnxruntime', `--engine with ${name}`, engine);
  const { openModelBackbone } = await import('../model-file/open.ts');
  const { description, program } = await openModelBackbone({
    path: modelFilePath(weights),
    size: request.size,
    preprocess: request.preprocess,
    resize: request.resize ?? {},
    poolings: request.poolings,
    engine: { device, note },
    info: (message) => send({ kind: 'info', message }),
  });
  return {
    description: { ...description, name, weights },
    singleThreaded: false,
    compile: async () => program,
  };
}
