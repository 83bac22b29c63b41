/** From the frames of some images to what a head answers for them, over and over, with everything kept loaded. */
import type { BackboneThread } from '../shared/backbones/thread/start.ts';
import { loadEngine } from '../shared/engines/engine.ts';
import { answers } from '../shared/head/answers.ts';
import { headGraph } from '../shared/head/predictor.ts';
import { type Head, type HeadRecord, headInputs } from '../shared/head/record.ts';
import { narrowFloat16 } from '../shared/store/float16.ts';
import { widenFloat16 } from '../shared/weights/float16.ts';
import { type BackbonesOptions, finishBackbones, startBackbones } from './backbones.ts';

/** What the head answers for one image. */
export interface Answer {
  /** The most probable class (multiclass) or all above their thresholds, possibly none (multi-label). */
  labels: string[];
  /** In the order of the head's classes. */
  probabilities: Float32Array;
}

/** A head and its backbones, ready. */
export interface Answerer {
  threads: readonly BackboneThread[];
  /** @param frames of each image, one for each backbone */
  answer(frames: readonly (readonly Uint8Array[])[]): Promise<Answer[]>;
  release(): Promise<void>;
}

/** @throws as {@link startBackbones} does */
export async function openAnswerer(head: Head, options: BackbonesOptions): Promise<Answerer> {
  const { record } = head;
  const threads = await startBackbones(record.sources, options);
  try {
    const program = await (await loadEngine(options.engine, { threads: 1 })).compile(headGraph(head));
    return {
      threads,
      async answer(frames) {
        const results = await Promise.all(
          threads.map((thread, at) => thread.run(joined(frames.map((own) => own[at])), frames.length)),
        );
        const columns = results.map(({ features }) => features);
        const matrix = headFeatures(record, threads, columns, frames.length);
        const { probabilities } = await program.run({ features: matrix });
        return answered(record, frames.length, probabilities);
      },
      async release() {
        await program.release();
        await finishBackbones(threads);
      },
    };
  } catch (thrown) {
    await finishBackbones(threads);
    throw thrown;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The head's inputs, [rows, inputs]: the columns of all backbones side by side, as exact as they were stored. */
export function headFeatures(
  record: HeadRecord,
  threads: readonly BackboneThread[],
  features: readonly Float32Array[][],
  rows: number,
): Float32Array {
  const inputs = headInputs(record);
  const matrix = new Float32Array(rows * inputs);
  let offset = 0;
  for (const [at, { pipeline }] of record.sources.entries()) {
    for (const [c, { dimension }] of threads[at].description.columns.entries()) {
      const computed = features[at][c];
      const column = pipeline.dtype === 'float16' ? widenFloat16(narrowFloat16(computed)) : computed;
      for (let row = 0; row < rows; row++) {
        const vector = column.subarray(row * dimension, (row + 1) * dimension);
        matrix.set(vector, row * inputs + offset);
      }
      offset += dimension;
    }
  }
  return matrix;
}

/** Answers from probabilities [rows, classes]. */
export function answered(
  { classes, task, thresholds }: HeadRecord,
  rows: number,
  probabilities: Float32Array,
): Answer[] {
  const width = classes.length;
  const yes = answers({ probabilities, rows, classes: width, task, thresholds });
  return Array.from({ length: rows }, (_, row) => ({
    labels: classes.filter((__, label) => yes[row * width + label] === 1),
    probabilities: probabilities.slice(row * width, (row + 1) * width),
  }));
}
