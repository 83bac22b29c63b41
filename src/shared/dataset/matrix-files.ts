/** Features that do not fit into memory: copied from their stores into a file, in the order in which they are read. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { random, shuffle } from '../random.ts';
import { diskError } from '../store/files.ts';
import { visitFeatures } from './features.ts';
import type { FeatureSet, FeatureTable } from './table.ts';

/**
 * Share of the machine's memory (or of what its container may have) that features take unless told otherwise. Not of
 * what is free: the same command would give other numbers whenever other programs run.
 */
const MEMORY_SHARE = 0.6;

/** Bytes that features may take in memory unless told otherwise. */
export function defaultMemory(): number {
  const constrained = process.constrainedMemory();
  const total = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(total * MEMORY_SHARE);
}

/** The rows of a table with the first `train` in random order, so that each stretch of them is a sample of all. */
export function shuffledTraining(order: Int32Array, train: number, seed: number): Int32Array {
  const shuffled = shuffle(order.slice(0, train), random(seed, 'training rows on disk'));
  return Int32Array.from([...shuffled, ...order.subarray(train)]);
}

/** Files with the matrices of a table; disposing of them removes them. */
export interface MatrixFiles extends Disposable {
  /** The table's sets, whose matrices are these files. */
  sets: FeatureSet[];
  /** Rows of the largest block: those of all threads together take what memory there is. */
  blockRows: number;
}

/**
 * Writes the matrices of a table to disk, one file for each set, its rows in the table's order.
 * @param folder where; default: the system's folder for temporary files
 * @param maxBytes that the blocks of all threads may take together
 * @throws InputError when the disk is full or a store is damaged
 */
export async function writeMatrices(
  table: FeatureTable,
  { folder, maxBytes }: { folder: string | undefined; maxBytes: number },
): Promise<MatrixFiles> {
  const own = folder ?? mkdtempSync(join(tmpdir(), 'permafrost-'));
  const files = table.sets.map((_, index) => join(own, `features-${index}.f32`));
  const remove = () => {
    for (const path of folder === undefined ? [own] : files) rmSync(path, { recursive: true, force: true });
  };
  try {
    await fillFiles(table, files);
  } catch (thrown) {
    remove();
    throw thrown;
  }
  // By the machine's cores and not by --workers, whose number must not change what is computed.
  const bytes = maxBytes / availableParallelism();
  const blockRows = table.sets.map(({ inputs }) =>
    Math.max(1, Math.floor(bytes / (inputs * Float32Array.BYTES_PER_ELEMENT))),
  );
  const sets = table.sets.map((set, index): FeatureSet => {
    const matrix = { path: files[index], maxRows: blockRows[index], normalize: 'none' } as const;
    return { ...set, matrix };
  });
  return { sets, blockRows: Math.max(...blockRows), [Symbol.dispose]: remove };
}

async function fillFiles(table: FeatureTable, files: readonly string[]): Promise<void> {
  const opened: number[] = [];
  try {
    for (const [index, { inputs }] of table.sets.entries()) {
      attempt(files[index], () => {
        opened[index] = openSync(files[index], 'w');
        ftruncateSync(opened[index], table.rows * inputs * Float32Array.BYTES_PER_ELEMENT);
      });
    }
    await visitFeatures(table, (set, row, offset, values) => {
      const position = (row * table.sets[set].inputs + offset) * Float32Array.BYTES_PER_ELEMENT;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      attempt(files[set], () => {
        for (let done = 0; done < bytes.length; )
          done += writeSync(opened[set], bytes, done, bytes.length - done, position + done);
      });
    });
  } finally {
    for (const file of opened) closeSync(file);
  }
}

function attempt(path: string, write: () => void): void {
  try {
    write();
  } catch (thrown) {
    throw diskError('write', path, thrown);
  }
}
