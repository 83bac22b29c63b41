/** stdout and stderr whose reader has gone (`| head -1`) or whose disk is full: the work ends, without a stack trace. */
import { causeOf, codeOf } from '../store/files.ts';
import { EXIT } from './exit.ts';

/** The error codes of a pipe, a socket or a terminal that nobody reads any more. */
const GONE = ['EPIPE', 'ECONNRESET', 'EIO', 'ERR_STREAM_DESTROYED'];

const lost = new AbortController();

/** Aborts when something could not be written to stdout or stderr; the exit status is set by then. */
export const outputLost: AbortSignal = lost.signal;

/** Watches both streams until the process ends; unheard, their errors would end it with a stack trace. */
export function watchOutput(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].on('error', (error) => {
      if (lost.signal.aborted) return;
      lost.abort(error);
      const isGone = GONE.includes(codeOf(error));
      // A failure that has its own status by now keeps it.
      process.exitCode ||= isGone ? EXIT.readerGone : EXIT.failed;
      if (!isGone && name === 'stdout') process.stderr.write(`Cannot write to stdout: ${causeOf(error)}\n`);
    });
  }
}
