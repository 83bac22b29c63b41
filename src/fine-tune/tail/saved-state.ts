/** A tail in the middle of its training, on disk: what a killed run resumes from, to the bit. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readChecksummed, writeChecksummed } from '../../shared/checkpoint/records.ts';
import type { HeadConfig, Metrics } from '../../shared/head/config.ts';
import type { EpochRecord } from '../../shared/training/result.ts';
import { BLOCKS, type TailBlocks } from './state.ts';

/** Where a training is. */
export interface TailPosition {
  /** Finished epochs. */
  history: EpochRecord[];
  /** Of the head that it starts from; absent where nothing is compared with it. */
  start?: Metrics;
  /** Steps of the next epoch that are done. */
  step: number;
  /** Of those steps: their losses times their rows. */
  lossSum: number;
  seconds: number;
}

export interface SavedTail {
  position: TailPosition;
  blocks: TailBlocks;
  /** Parameters and validation probabilities of the best epoch so far. */
  best: { parameters: Float32Array; probabilities: Float32Array } | undefined;
}

/** What stands before the numbers. */
interface Header {
  id: string;
  config: HeadConfig;
  position: TailPosition;
  /** Numbers of a block, and of the validation probabilities. */
  length: number;
  probabilities: number | undefined;
}

export interface TailStates {
  /** What was saved of a training with these settings. @throws InputError for a file that was altered */
  load(id: string, config: HeadConfig): SavedTail | undefined;
  /** After it returns, no crash loses it. @throws InputError where the disk refuses */
  save(id: string, config: HeadConfig, saved: SavedTail): void;
  remove(id: string): void;
}

/** @param folder where files are kept, which exists */
export function tailStates(folder: string): TailStates {
  const fileOf = (id: string) => join(folder, `tail-${id.replace(/[^\w-]/g, '_')}.state`);
  return {
    load(id, config) {
      const path = fileOf(id);
      if (!existsSync(path)) return undefined;
      const bytes = readChecksummed(path);
      const [headerBytes] = new Uint32Array(bytes.buffer, 0, 1);
      const text = new TextDecoder().decode(bytes.subarray(WORD, WORD + headerBytes));
      const header = JSON.parse(text) as Header;
      if (header.id !== id || !isDeepStrictEqual(header.config, plain(config))) return undefined;
      return { position: header.position, ...numbersOf(header, bytes, WORD + headerBytes) };
    },
    save(id, config, { position, blocks, best }) {
      const { length } = blocks.parameters;
      const header: Header = { id, config, position, length, probabilities: best?.probabilities.length };
      const text = Buffer.from(JSON.stringify(header));
      // Numbers begin at whole words.
      const padded = Buffer.alloc(Math.ceil(text.length / WORD) * WORD, ' ');
      text.copy(padded);
      const arrays = [
        ...BLOCKS.map((block) => blocks[block]),
        ...(best ? [best.parameters, best.probabilities] : []),
      ];
      writeChecksummed(fileOf(id), bytesOf(Uint32Array.of(padded.length)), padded, ...arrays.map(bytesOf));
    },
    remove: (id) => rmSync(fileOf(id), { force: true }),
  };
}

const WORD = 4;

/** As it comes back from JSON. */
const plain = (config: HeadConfig): unknown => JSON.parse(JSON.stringify(config));

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function numbersOf(
  { length, probabilities }: Header,
  { buffer }: Uint8Array,
  offset: number,
): Pick<SavedTail, 'blocks' | 'best'> {
  let position = offset;
  const take = (count: number): Float32Array => {
    const numbers = new Float32Array(buffer, position, count);
    position += numbers.byteLength;
    return numbers;
  };
  const blocks = { parameters: take(length), first: take(length), second: take(length) };
  const best =
    probabilities === undefined
      ? undefined
      : { parameters: take(length), probabilities: take(probabilities) };
  return { blocks, best };
}
