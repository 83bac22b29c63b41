/** Where predictions go: a file that is there as a whole or not at all, or stdout. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '../shared/errors.ts';
import { diskError, makeFolder, writeDurably } from '../shared/store/files.ts';
import type { PredictionObject } from './formats.ts';

type Pieces = AsyncIterable<string | Uint8Array>;

/**
 * Writes a file, and the folders above it that are missing.
 * @throws InputError naming the file where it cannot be written, and whatever `pieces` throws
 */
export async function writeFile(path: string, pieces: Pieces): Promise<void> {
  await makeFolder(dirname(path));
  // Said now, not when everything is computed.
  if ((await stat(path).catch(() => undefined))?.isDirectory())
    throw new InputError(`--out ${path} is a folder: name a file`);
  await writeDurably(path, pieces);
}

/** Writes to stdout as fast as it is read; what cannot be written ends it, and the command (see watchOutput). */
export async function writeStdout(pieces: Pieces): Promise<void> {
  for await (const piece of pieces) {
    if (!(await new Promise((resolve) => process.stdout.write(piece, (error) => resolve(!error))))) return;
  }
}

/** Predictions as one line of JSON that stdout gets once the file beside it is whole. */
export interface JsonCopy {
  add(predictions: readonly PredictionObject[]): Promise<void>;
  /** Prints `{"predictions":[...]}`. */
  print(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Keeps them in a file until then, however many they are.
 * @param path of that file; its folder is there when the first predictions are
 */
export function jsonCopy(path: string): JsonCopy {
  let file: FileHandle | undefined;
  const append = async (text: string): Promise<void> => {
    try {
      file ??= await open(path, 'w');
      await file.appendFile(text);
    } catch (thrown) {
      throw diskError('write', path, thrown);
    }
  };
  let before = '{"predictions":[';
  return {
    async add(predictions) {
      await append(before + predictions.map((one) => JSON.stringify(one)).join(','));
      before = ',';
    },
    async print() {
      await append(`${before === ',' ? '' : before}]}\n`);
      await writeStdout(createReadStream(path));
    },
    async remove() {
      await file?.close();
      if (file) await rm(path, { force: true });
    },
  };
}
