/** Narrowing to IEEE half precision, as the bits that Arrow stores (weights/float16.ts widens). */
import { InputError } from '../errors.ts';

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** Numbers from here on round to infinity in half precision (its largest is 65504). */
const TOO_LARGE = 65520;

/**
 * Rounds to half precision, to nearest, ties to even.
 * @throws InputError for a finite number beyond the range of half precision
 */
export function narrowFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = toHalf(values[i]);
  return halves;
}

function toHalf(value: number): number {
  floats[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (Math.abs(value) >= TOO_LARGE) {
    throw new InputError(
      `Expected features below ${TOO_LARGE} for --dtype float16 but received ${value}: use float32`,
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
