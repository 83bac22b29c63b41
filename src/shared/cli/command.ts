/** How every command ends: one JSON line on request, a message instead of a stack trace, a fixed exit status. */
import { InputError, messageOf, UsageError } from '../errors.ts';
import { EXIT } from './exit.ts';
import { outputLost } from './output.ts';
import { type TerminalReporter, terminalReporter } from './terminal.ts';

/** Thrown (as an abort reason) when the user pressed Ctrl-C or output has no reader: work done so far has been kept. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

/**
 * Runs a command's work and turns its outcome into stdout, stderr and an exit status.
 * The first SIGINT or SIGTERM aborts `signal`, so that the work can keep what it has; a second one ends at once.
 * It aborts, too, when nobody reads the output any more; then there is nobody to tell.
 * @param work does everything and returns the object that `--json` prints; its warnings are repeated at the end
 * @param json whether to print that object as the last line of stdout
 */
export async function runCommand(
  work: (signal: AbortSignal, reporter: TerminalReporter) => Promise<object>,
  json: boolean,
): Promise<void> {
  const abort = new AbortController();
  const end = (): void => abort.abort(new Interrupted('Interrupted: what was done is kept'));
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    end();
  };
  outputLost.addEventListener('abort', end);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const reporter = terminalReporter();
  try {
    const summary = await work(abort.signal, reporter);
    reporter.repeatWarnings();
    if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    // A write that failed has set its own.
    process.exitCode ??= EXIT.done;
  } catch (thrown) {
    if (outputLost.aborted && thrown instanceof Interrupted) return;
    if (thrown instanceof Interrupted) reporter.repeatWarnings();
    process.exitCode = exitStatus(thrown);
    process.stderr.write(`${describeFailure(thrown)}\n`);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    outputLost.removeEventListener('abort', end);
  }
}

function exitStatus(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof Interrupted) return EXIT.interrupted;
  return EXIT.failed;
}

/** A stack trace is shown only for a defect in permafrost itself, and only where PERMAFROST_DEBUG is set. */
function describeFailure(thrown: unknown): string {
  const isExpected =
    thrown instanceof UsageError || thrown instanceof InputError || thrown instanceof Interrupted;
  if (process.env.PERMAFROST_DEBUG && thrown instanceof Error) return thrown.stack ?? thrown.message;
  return isExpected
    ? messageOf(thrown)
    : `Unexpected failure: ${messageOf(thrown)} (PERMAFROST_DEBUG=1 shows where)`;
}
