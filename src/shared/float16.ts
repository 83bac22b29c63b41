/** IEEE half precision (binary16) as bits, which Node reads and writes natively only from version 24 on. */
import { InputError } from './errors.ts';

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** Numbers from here on round to infinity in half precision (its largest is 65504). */
export const HALF_LIMIT = 65520;

/**
 * Rounds to half precision, to nearest, ties to even.
 * @throws InputError for a finite number beyond the range of half precision
 */
export function narrowFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  narrowInto(values, halves);
  return halves;
}

/** {@link narrowFloat16} into memory that is there. */
export function narrowInto(values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < values.length; i++) halves[i] = toHalf(values[i]);
}

function toHalf(value: number): number {
  floats[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (Math.abs(value) >= HALF_LIMIT) {
    throw new InputError(
      `Expected features below ${HALF_LIMIT} for --dtype float16 but received ${value}: use float32`,
    );
  }
  // Below 2^-14 half precision counts in steps of 2^-24.
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** All numbers of half precision, by their bits. */
let numbers: Float32Array | undefined;

/**
 * IEEE 754 binary16 bit patterns as float32, exactly (subnormals, infinities and NaN included).
 * @param into where to; default: memory of its own
 */
export function widenFloat16(
  halves: Uint16Array,
  into: Float32Array = new Float32Array(halves.length),
): Float32Array {
  numbers ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => fromHalf(bits));
  const table = numbers;
  for (let i = 0; i < halves.length; i++) into[i] = table[halves[i]];
  return into;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
