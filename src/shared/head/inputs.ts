/** From what backbones computed to what a head takes. */
import { narrowFloat16, widenFloat16 } from '../float16.ts';

/** One column of features of some images. */
export interface ComputedColumn {
  /** [rows, dimension] */
  values: Float32Array;
  dimension: number;
  /** Whether the head was trained on it in half precision. */
  half: boolean;
}

/** A head's inputs, [rows, inputs]: the columns side by side, as exact as they were stored. */
export function sideBySide(columns: readonly ComputedColumn[], rows: number): Float32Array {
  const inputs = columns.reduce((sum, { dimension }) => sum + dimension, 0);
  const matrix = new Float32Array(rows * inputs);
  let offset = 0;
  for (const { values, dimension, half } of columns) {
    const stored = half ? widenFloat16(narrowFloat16(values)) : values;
    for (let row = 0; row < rows; row++) {
      const vector = stored.subarray(row * dimension, (row + 1) * dimension);
      matrix.set(vector, row * inputs + offset);
    }
    offset += dimension;
  }
  return matrix;
}
