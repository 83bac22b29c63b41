/** The one grammar of error messages, and the two kinds of failure a command can end with. */

/** A mistake in how a command or function was called: the command prints it and exits with status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Input, a file or a machine that does not allow the work to be done: the command exits with status 1. */
export class InputError extends Error {
  override name = 'InputError';
}

/** An error that crossed threads, as the kind it was: there it loses its class. */
export function revivedError({ name, message, stack }: Pick<Error, 'name' | 'message' | 'stack'>): Error {
  if (name === 'UsageError') return new UsageError(message);
  if (name === 'InputError') return new InputError(message);
  return Object.assign(new Error(message), { name, stack });
}

/** Shows a received value in a message: text quoted and cut at 120 characters, the rest as JSON. */
export function shown(received: unknown): string {
  if (received === undefined) return 'nothing';
  const text = textOf(received);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** JSON, where there is one that says what the value is: of NaN or a function there is none. */
function textOf(received: unknown): string {
  if (ArrayBuffer.isView(received)) return `${received.byteLength} bytes`;
  if (typeof received !== 'object' && typeof received !== 'string') return String(received);
  try {
    return JSON.stringify(received) ?? String(received);
  } catch {
    return 'an object';
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A path in a message: as it is, or quoted and cut where it is no line of a terminal. */
export function shownPath(path: string): string {
  return path.length > 4096 || CONTROL.test(path) ? shown(path) : path;
}

/**
 * The sentence of every refusal: what was expected, where, and what was received.
 * `expectedMessage('WIDTHxHEIGHT', '--size', '454')` is `Expected WIDTHxHEIGHT for --size but received "454"`.
 */
export function expectedMessage(what: string, where: string, received: unknown): string {
  return `Expected ${what} for ${where} but received ${shown(received)}`;
}

/** A {@link UsageError} in the common grammar. */
export function usage(what: string, where: string, received: unknown): UsageError {
  return new UsageError(expectedMessage(what, where, received));
}

/** An {@link InputError} in the common grammar. */
export function unexpected(what: string, where: string, received: unknown): InputError {
  return new InputError(expectedMessage(what, where, received));
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
