/** A head with its backbones in memory: from the pixels of images to predictions. */
import type { BackboneThread } from '../shared/backbones/thread/start.ts';
import { loadEngine } from '../shared/engines/engine.ts';
import { type ComputedColumn, sideBySide } from '../shared/head/inputs.ts';
import { predictedLabels } from '../shared/head/predicted-labels.ts';
import { headGraph } from '../shared/head/predictor.ts';
import type { Head, HeadRecord } from '../shared/head/record.ts';
import { takesHalf } from '../shared/head/recorded-backbone.ts';
import { type BackbonesOptions, finishBackbones, startBackbones } from './backbones.ts';

/** What the head predicts for one image. */
export interface Prediction {
  /** The most probable class (multiclass) or all above their thresholds, possibly none (multi-label). */
  labels: string[];
  /** In the order of the head's classes. */
  probabilities: Float32Array;
}

/** A head and its backbones, ready. */
export interface LoadedHead {
  threads: readonly BackboneThread[];
  /**
   * Probabilities [rows, classes].
   * @param features of each backbone, its columns, [rows, dimension] each
   */
  probabilities(features: readonly Float32Array[][], rows: number): Promise<Float32Array>;
  /** @param pixels of each image, one for each backbone */
  predict(pixels: readonly (readonly Uint8Array[])[]): Promise<Prediction[]>;
  release(): Promise<void>;
}

/** @throws as {@link startBackbones} does */
export async function loadHead(head: Head, options: BackbonesOptions): Promise<LoadedHead> {
  const { record } = head;
  const threads = await startBackbones(head, options);
  try {
    const program = await (await loadEngine(options.engine, { threads: 1 })).compile(headGraph(head));
    const probabilities: LoadedHead['probabilities'] = async (features, rows) => {
      const columns = record.sources.flatMap((source, index) =>
        threads[index].description.columns.map(
          ({ dimension }, c): ComputedColumn => ({
            values: features[index][c],
            dimension,
            half: takesHalf(record, source),
          }),
        ),
      );
      return (await program.run({ features: sideBySide(columns, rows) })).probabilities;
    };
    return {
      threads,
      probabilities,
      async predict(pixels) {
        const results = await Promise.all(
          threads.map((thread, index) => thread.run(joined(pixels.map((own) => own[index])), pixels.length)),
        );
        const features = results.map((result) => result.features);
        return predictionsOf(record, pixels.length, await probabilities(features, pixels.length));
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

function joined(arrays: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}

/** Predictions from probabilities [rows, classes]. */
export function predictionsOf(
  { classes, task, thresholds }: HeadRecord,
  rows: number,
  probabilities: Float32Array,
): Prediction[] {
  const width = classes.length;
  const isPredicted = predictedLabels({ probabilities, rows, classes: width, task, thresholds });
  return Array.from({ length: rows }, (_, row) => ({
    labels: classes.filter((__, label) => isPredicted[row * width + label] === 1),
    probabilities: probabilities.slice(row * width, (row + 1) * width),
  }));
}
