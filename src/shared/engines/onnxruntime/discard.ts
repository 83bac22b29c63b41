/** Memory of large arrays given back at once. */
import { MessageChannel } from 'node:worker_threads';

/** Nobody reads what is sent to a port whose other end is closed: it is freed where it would have been received. */
const nobody = new MessageChannel();
nobody.port2.close();

/** Arrays of fewer bytes may wait for the garbage collector. */
const LARGE = 2 ** 16;

/**
 * Frees the memory of an array that nobody will read, which becomes empty. The garbage collector would let tens of megabytes of
 * such arrays pile up, each in memory that no cache holds: a training step that makes one took twice as long.
 */
export function discard({ buffer }: Float32Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE) nobody.port1.postMessage(null, [buffer]);
}
