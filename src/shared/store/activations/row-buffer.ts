/** Rows of a part in the making, in the numbers that they are stored in. */
import { InputError } from '../../errors.ts';
import { HALF_LIMIT, narrowInto, widenFloat16 } from '../../float16.ts';
import type { ActivationRow, ActivationRows } from './part.ts';
import { type ActivationDtype, type ActivationLayout, activationLength } from './request.ts';

export interface RowBuffer {
  readonly length: number;
  /** Copies a row in. @throws InputError for numbers that are not finite, or that the dtype has no room for */
  put(record: ActivationRow, activation: Float32Array, features: readonly Float32Array[]): void;
  /** Views of all rows. */
  rows(): ActivationRows;
  /** Forgets the rows, for others to take their memory. */
  clear(): void;
}

type Numbers = ActivationRows['activation'];

const ARRAYS: Readonly<Record<ActivationDtype, (length: number) => Numbers>> = {
  float16: (length) => new Uint16Array(length),
  float32: (length) => new Float32Array(length),
  int8: (length) => new Int8Array(length),
};

/** Room for `capacity` rows. */
export function rowBuffer(layout: ActivationLayout, capacity: number): RowBuffer {
  const { shape, dtype, columns } = layout;
  const length = activationLength(layout);
  const channels = shape[2];
  const numbers = ARRAYS[dtype](capacity * length);
  const scale = dtype === 'int8' ? new Uint16Array(capacity * channels) : undefined;
  const features = columns.map(({ dimension }) => new Float32Array(capacity * dimension));
  let records: ActivationRow[] = [];
  return {
    get length() {
      return records.length;
    },
    put(record, activation, vectors) {
      checkNumbers(activation, record, dtype);
      for (const vector of vectors) checkNumbers(vector, record, 'float32');
      const row = records.length;
      const into = numbers.subarray(row * length, (row + 1) * length);
      if (into instanceof Float32Array) into.set(activation);
      else if (into instanceof Uint16Array) narrowInto(activation, into);
      else quantize(activation, into, scale!.subarray(row * channels, (row + 1) * channels));
      for (const [i, { dimension }] of columns.entries()) features[i].set(vectors[i], row * dimension);
      records.push(record);
    },
    rows: () => ({
      records,
      activation: numbers.subarray(0, records.length * length),
      scale: scale?.subarray(0, records.length * channels),
      features: features.map((values, i) => values.subarray(0, records.length * columns[i].dimension)),
    }),
    clear() {
      records = [];
    },
  };
}

/** What is stored is smaller than this: half precision, in which int8 has its scales, has no larger numbers. */
const LIMITS: Readonly<Record<ActivationDtype, number>> = {
  float16: HALF_LIMIT,
  float32: Number.POSITIVE_INFINITY,
  int8: 127 * HALF_LIMIT,
};

function checkNumbers(values: Float32Array, { path, view }: ActivationRow, dtype: ActivationDtype): void {
  let largest = 0;
  // 0 for every finite number, else NaN.
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (size > largest) largest = size;
    sum += size * 0;
  }
  const what = view === 0 ? path : `view ${view} of ${path}`;
  if (sum !== 0)
    throw new InputError(
      `Expected finite activations of ${what} but received NaN or infinity: are the weights right?`,
    );
  if (largest >= LIMITS[dtype])
    throw new InputError(
      `Expected activations of ${what} below ${LIMITS[dtype]} for --cache-dtype ${dtype} but received ${largest}: use float32`,
    );
}

/** The largest number of int8; symmetric, so that 0 stays 0. */
const LARGEST = 127;

/**
 * Rounds one activation to 8 bits with a scale for each channel, so that the largest of the channel becomes 127.
 * @param scale filled with bits of float16
 */
function quantize(values: Float32Array, into: Int8Array, scale: Uint16Array): void {
  const channels = scale.length;
  const largest = new Float32Array(channels);
  for (let start = 0; start < values.length; start += channels)
    for (let c = 0; c < channels; c++) {
      const size = Math.abs(values[start + c]);
      if (size > largest[c]) largest[c] = size;
    }
  for (let c = 0; c < channels; c++) largest[c] /= LARGEST;
  narrowInto(largest, scale);
  const rounded = widenFloat16(scale, largest);
  for (let c = 0; c < channels; c++) rounded[c] = rounded[c] > 0 ? 1 / rounded[c] : 0;
  for (let start = 0; start < values.length; start += channels)
    for (let c = 0; c < channels; c++) {
      // The scale was rounded: what is a little above 127 is 127.
      const number = Math.round(values[start + c] * rounded[c]);
      into[start + c] = number > LARGEST ? LARGEST : number < -LARGEST ? -LARGEST : number;
    }
}
