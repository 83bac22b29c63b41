/** Which sweep a checkpoint is of. */
import { createHash } from 'node:crypto';

/** A name for everything that decides a sweep's numbers: the same fingerprint, the same heads. */
export function sweepFingerprint(settings: unknown): string {
  const hash = createHash('sha256');
  for (const text of jsonPieces(settings)) hash.update(text);
  return hash.digest('hex');
}

/** Values of a list that are written at once: a list of millions would not fit into one string. */
const PIECE = 10_000;

/** The JSON text of plain data, in pieces. */
function* jsonPieces(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    yield '[';
    for (let start = 0; start < value.length; start += PIECE)
      yield (start === 0 ? '' : ',') + JSON.stringify(value.slice(start, start + PIECE)).slice(1, -1);
    yield ']';
  } else if (typeof value === 'object' && value !== null) {
    yield '{';
    let separator = '';
    for (const [key, entry] of Object.entries(value)) {
      if (entry === undefined) continue;
      yield `${separator}${JSON.stringify(key)}:`;
      yield* jsonPieces(entry);
      separator = ',';
    }
    yield '}';
  } else yield JSON.stringify(value);
}
