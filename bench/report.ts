/** How a benchmark's results are printed and judged. */

/** One measured line. */
export interface Measurement {
  what: string;
  value: number;
  unit: string;
  /** The least that permafrost claims; a value below it fails the benchmark. */
  claim?: number;
}

/** Prints the measurements; returns whether every claim holds. */
export function report(title: string, measurements: readonly Measurement[]): boolean {
  console.log(`\n${title}`);
  for (const { what, value, unit, claim } of measurements) {
    const evaluated =
      claim === undefined
        ? ''
        : value >= claim
          ? `   (claim: at least ${claim})`
          : `   BELOW THE CLAIM of ${claim}`;
    console.log(`  ${what.padEnd(64)} ${value.toFixed(value < 10 ? 3 : 1).padStart(9)} ${unit}${evaluated}`);
  }
  return measurements.every(({ value, claim }) => claim === undefined || value >= claim);
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
