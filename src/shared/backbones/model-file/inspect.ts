/** Looks through the bytes of an ONNX model before a library parses them: every length, tensor and outside file. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { InputError, messageOf } from '../../errors.ts';
import { checkTensor, type ModelBytes } from './tensor.ts';
import { fields } from './wire.ts';

/** Graphs within graphs (branches, loops) that a model may have. */
const DEEPEST = 16;

/** Messages of onnx.proto3 as far as tensors hide in them: which fields hold which message. */
const MESSAGES = {
  model: { 7: 'graph', 25: 'function' },
  function: { 7: 'node' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
} as const satisfies Record<string, Record<number, string>>;

type Message = keyof typeof MESSAGES | 'tensor';

export interface InspectedModel {
  /** SHA-256 over the bytes of the model and of all files it refers to, in hex. */
  readonly hash: string;
  readonly bytes: Buffer;
  /** Whether numbers lie in other files. */
  readonly isDivided: boolean;
}

/**
 * Checks an ONNX file and the files it refers to.
 * @throws InputError naming the file and the first fault
 */
export function inspectModel(path: string): InspectedModel {
  const bytes = readModel(path);
  const damaged = (fault: string) =>
    new InputError(`Expected an ONNX model in ${path} but it is damaged: ${fault}`);
  const found: Found = { graphs: 0, outside: new Set() };
  checkMessage({ path, bytes, damaged }, { message: 'model', start: 0, end: bytes.length, depth: 0 }, found);
  if (found.graphs === 0) throw damaged('it has no graph');
  const hash = createHash('sha256').update(bytes);
  for (const file of [...found.outside].sort()) hashFile(file, hash);
  return { hash: hash.digest('hex'), bytes, isDivided: found.outside.size > 0 };
}

function readModel(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw new InputError(`Expected an ONNX model at ${path} but it cannot be read: ${messageOf(thrown)}`);
  }
}

/** What the messages of a model turned out to hold. */
interface Found {
  graphs: number;
  /** Files with the numbers of tensors. */
  outside: Set<string>;
}

/** Checks a message and those inside it, and adds to `found` what they hold. */
function checkMessage(
  model: ModelBytes,
  { message, start, end, depth }: { message: Message; start: number; end: number; depth: number },
  found: Found,
): void {
  const { bytes, damaged } = model;
  if (depth > 6 * DEEPEST) throw damaged('graphs are nested too deeply');
  if (message === 'tensor') {
    const file = checkTensor(model, start, end);
    if (file !== undefined) found.outside.add(file);
    return;
  }
  const inside: Readonly<Record<number, Message>> = MESSAGES[message];
  for (const { number, value } of fields(bytes, start, end, damaged)) {
    if (inside[number] === undefined) continue;
    if (typeof value === 'bigint') throw damaged(`field ${number} of a ${message} is not a message`);
    if (inside[number] === 'graph') found.graphs++;
    checkMessage(model, { message: inside[number], ...value, depth: depth + 1 }, found);
  }
}

/** Adds a file of any length to a hash. */
function hashFile(path: string, hash: Hash): void {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(1 << 20);
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece))
      hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
}
