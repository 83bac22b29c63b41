/** A program on a device that is not trusted: its first results are compared with the CPU's. */
import { InputError } from '../errors.ts';
import type { Device, Program } from './interface.ts';

/** Largest relative difference; a store made on one device must serve on another. Rounding to float16 stays below it. */
const TOLERANCE = 1e-3;

/**
 * `program`, whose first run is repeated by `reference`.
 * @param reference compiles the same graph for the CPU; only called for the check
 * @throws (from that run) InputError when an output differs by more than {@link TOLERANCE}
 */
export function checkedOnce(program: Program, reference: () => Promise<Program>, device: Device): Program {
  let isChecked = false;
  return {
    async run(feeds, into) {
      const results = await program.run(feeds, into);
      if (isChecked) return results;
      const trusted = await reference();
      const expected = await trusted.run(feeds);
      await trusted.release();
      for (const [name, values] of Object.entries(expected)) {
        const difference = relativeDifference(results[name], values);
        // Written so that NaN is refused.
        if (!(difference <= TOLERANCE)) {
          throw new InputError(
            `Expected results within ${TOLERANCE} of the CPU's for --device ${device} but ${name} of the first batch ` +
              `differs by ${difference.toPrecision(2)}: use --device cpu`,
          );
        }
      }
      isChecked = true;
      return results;
    },
    release: () => program.release(),
  };
}

/** |a - b| / |b|, in the Euclidean norm. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  const [error, size] = b.reduce(
    ([sum, all], value, index) => [sum + (a[index] - value) ** 2, all + value ** 2],
    [0, 0],
  );
  return error === 0 ? 0 : Math.sqrt(error / size);
}
