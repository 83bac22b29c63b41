/** A worker thread that trains one tail after another with an engine of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine } from '../../shared/engines/engine.ts';
import { openActivations } from '../../shared/store/activations/reader.ts';
import { createArena } from '../../shared/training/arena.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { predictRows } from './predict-rows.ts';
import { createTailPrograms } from './programs.ts';
import { tailSaver } from './saver.ts';
import { trainTail } from './train-tail.ts';

const port = parentPort;
if (!port) throw new Error('The worker of tails runs as a worker thread');
const { network, start, data, engine: name, threads, usesDevice, checkpoint } = workerData as WorkerStart;
const say = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const arena = createArena({ what: 'tails', remedy: 'train fewer layers or use smaller batches' });
const engine = await loadEngine(name, { threads });
const programs = createTailPrograms();
const reader = openActivations(data.activations);
const shared = { arena, engine, usesDevice, programs, network, start, reader };
let stopping = false;

port.on('message', async (message: ToWorker) => {
  if (message.type === 'stop') stopping = true;
  if (message.type === 'train') await train(message);
  if (message.type === 'predict') {
    const { tail, rows, trained } = message;
    const probabilities = await predictRows(tail, rows, { ...shared, trained });
    say({ type: 'predicted', probabilities }, [probabilities.buffer as ArrayBuffer]);
    say({ type: 'ready' });
  }
  if (message.type === 'end') {
    await reader.close();
    await programs.release();
    port.close();
  }
});
say({ type: 'ready' });

async function train({ job, trained }: Extract<ToWorker, { type: 'train' }>): Promise<void> {
  const saver = checkpoint && tailSaver(checkpoint, job);
  const outcome = await trainTail(job, {
    ...shared,
    data,
    trained,
    saved: saver?.saved,
    save: saver?.saveIfDue,
    saveAtEnd: saver?.save,
    onEpoch: (record) => say({ type: 'epoch', id: job.id, record }),
    shouldStop: () => stopping,
  });
  say({ type: outcome.isPaused ? 'paused' : 'finished', trained: outcome.trained });
  say({ type: 'ready' });
}
