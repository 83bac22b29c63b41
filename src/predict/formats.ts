/** The formats predictions are written in: each turns batches into pieces of a file, so that memory stays flat. */
import type { DataType, RecordBatch, Vector } from 'apache-arrow';
import { type CsvOptions, csvLine } from '../shared/csv-line.ts';
import { labelCell } from '../shared/manifest/labels.ts';
import type { FilePrediction } from './predict.ts';

type Batches = AsyncIterable<readonly FilePrediction[]>;
type Pieces = AsyncIterable<string | Uint8Array>;

interface FormatOptions extends CsvOptions {
  /** Only so many of the most probable classes, instead of all in the head's order. */
  topK?: number;
}

type Format = (batches: Batches, classes: readonly string[], options?: FormatOptions) => Pieces;

/** A prediction as JSON has it; probabilities have six significant digits. */
export interface PredictionObject {
  path: string;
  labels: string[];
  /** By class, where all classes are requested. */
  probabilities?: Record<string, number>;
  /** The most probable classes, most probable first, where so many are requested. */
  top?: { label: string; probability: number }[];
}

/** The prediction with the probabilities of all classes or, most probable first, of the `topK` most probable. */
export function predictionObject(
  { path, labels, probabilities }: FilePrediction,
  classes: readonly string[],
  topK?: number,
): PredictionObject {
  const rounded = (c: number) => Number(probabilities[c].toPrecision(6));
  if (topK === undefined)
    return { path, labels, probabilities: Object.fromEntries(classes.map((name, c) => [name, rounded(c)])) };
  const top = likeliest(probabilities, topK).map((c) => ({ label: classes[c], probability: rounded(c) }));
  return { path, labels, top };
}

/** The places of the `most` greatest values, greatest first, of equals the first one first. */
function likeliest(probabilities: Float32Array, max: number): number[] {
  return Array.from(probabilities.keys())
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, max);
}

/** The formats by name, the default first. */
export const FORMATS = {
  /** One object on one line: `{"predictions":[...]}`. */
  async *json(batches, classes, { topK } = {}) {
    // A piece waits until the next is there, so that the last one comes with the closing brackets.
    let pending = '{"predictions":[';
    let separator = '';
    for await (const batch of batches) {
      if (separator !== '') {
        yield pending;
        pending = '';
      }
      pending +=
        separator + batch.map((one) => JSON.stringify(predictionObject(one, classes, topK))).join(',');
      separator = ',';
    }
    yield `${pending}]}\n`;
  },
  /** One object a line. */
  async *jsonl(batches, classes, { topK } = {}) {
    for await (const batch of batches)
      yield batch.map((one) => `${JSON.stringify(predictionObject(one, classes, topK))}\n`).join('');
  },
  /** path, labels (a cell as a manifest has it), and one column `p_<class>` each, or top_1, p_1, top_2, p_2 ... */
  async *csv(batches, classes, { topK, ...csv } = {}) {
    const columns =
      topK === undefined
        ? classes.map((name) => `p_${name}`)
        : classes.slice(0, topK).flatMap((_, index) => [`top_${index + 1}`, `p_${index + 1}`]);
    let before = csvLine(['path', 'labels', ...columns], csv);
    for await (const batch of batches) {
      const lines = batch.map(({ path, labels, probabilities }) => {
        const values =
          topK === undefined
            ? [...probabilities]
            : likeliest(probabilities, topK).flatMap((c) => [classes[c], probabilities[c]]);
        return csvLine([path, labelCell(labels), ...values], csv);
      });
      yield before + lines.join('');
      before = '';
    }
    yield before;
  },
  /** Arrow IPC file: path utf8, labels list<utf8>, and one float32 column `p_<class>` each; a record batch a batch. */
  async *arrow(batches, classes) {
    // The other formats start in half the time without it.
    const arrow = await import('apache-arrow');
    const writer = new arrow.RecordBatchFileWriter();
    const written = writer.writeAll(recordBatches(arrow, batches, classes));
    // A failure ends the reading of what was written; it is thrown below.
    written.catch(() => writer.close());
    yield* writer;
    await written;
  },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

async function* recordBatches(
  {
    Field,
    Float32,
    List,
    makeData,
    RecordBatch,
    Schema,
    Struct,
    Utf8,
    vectorFromArray,
  }: typeof import('apache-arrow'),
  batches: Batches,
  classes: readonly string[],
): AsyncGenerator<RecordBatch> {
  const labelList = new List(new Field('item', new Utf8(), false));
  const schema = new Schema<Record<string, DataType>>([
    new Field('path', new Utf8(), false),
    new Field('labels', labelList, false),
    ...classes.map((name) => new Field(`p_${name}`, new Float32(), false)),
  ]);
  for await (const batch of batches) {
    const columns: Vector[] = [
      vectorFromArray(
        batch.map(({ path }) => path),
        new Utf8(),
      ),
      vectorFromArray(
        batch.map(({ labels }) => labels),
        labelList,
      ),
      ...classes.map((_, c) =>
        vectorFromArray(Float32Array.from(batch, ({ probabilities }) => probabilities[c])),
      ),
    ];
    const children = columns.map(({ data }) => data[0]);
    const struct = makeData({
      type: new Struct(schema.fields),
      length: batch.length,
      nullCount: 0,
      children,
    });
    yield new RecordBatch(schema, struct);
  }
}
