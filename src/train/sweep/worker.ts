/** A worker thread of a sweep: trains one stack after another with an engine of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { deviceEngineOf } from '../../shared/engines/device.ts';
import { loadEngine } from '../../shared/engines/engine.ts';
import { createArena } from '../../shared/training/arena.ts';
import { createInitialParameters } from '../../shared/training/initial.ts';
import { createDeviceData } from './device/device-data.ts';
import { solveStack } from './lbfgs/solve-stack.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { createPrograms } from './programs.ts';
import { type StackContext, trainStack } from './train-stack.ts';

const port = parentPort;
if (!port) throw new Error('The sweep worker runs as a worker thread');
const { data, engine: name, threads, usesDevice } = workerData as WorkerStart;
const say = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const arena = createArena();
const engine = await loadEngine(name, { threads });
const programs = createPrograms(engine);
const initial = createInitialParameters();
const device = usesDevice ? createDeviceData(deviceEngineOf(engine), data) : undefined;
let stopping = false;

port.on('message', async (message: ToWorker) => {
  if (message.type === 'stop') stopping = true;
  if (message.type === 'stack') {
    const [{ config }] = message.jobs;
    const run = config.optimizer === 'lbfgs' ? solveStack : trainStack;
    const context: StackContext = {
      data,
      arena,
      programs,
      initial,
      device,
      onFinished: (trained) => say({ type: 'finished', trained }, [trained.parameters.buffer as ArrayBuffer]),
      onEpoch: (heads) => say({ type: 'epoch', heads }),
      onPaused: (paused) => say({ type: 'paused', paused }),
      shouldStop: () => stopping,
    };
    await run(message.jobs, context, message.paused);
    say({ type: 'ready' });
  }
  if (message.type === 'end') {
    device?.release();
    await programs.release();
    port.close();
  }
});
say({ type: 'ready' });
