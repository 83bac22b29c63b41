/** The made-up numbers of the Python scripts in golden/, from the same integer formula. */

/** Uniform in [-1, 1), lowbias32 of the index, xor-ed with lowbias32 of the key. */
export function numbers(key: number, count: number): Float32Array {
  const mix = (input: number): number => {
    let x = input >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return (x ^ (x >>> 16)) >>> 0;
  };
  const mixedKey = mix(key);
  return Float32Array.from({ length: count }, (_, i) => mix(i ^ mixedKey) / 2 ** 31 - 1);
}
