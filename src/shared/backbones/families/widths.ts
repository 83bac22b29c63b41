/** Numbers of channels and layers as scaled families round them. */

/** The nearest multiple of `divisor` that is not more than a tenth below: `_make_divisible` of Keras's MobileNets. */
export function makeDivisible(channels: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}
