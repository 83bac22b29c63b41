/** Sizes of images as options give them: `WIDTHxHEIGHT`. */
import { usage } from '../errors.ts';
import { fields } from '../options.ts';
import { byCheck, ofKind, type ValueKind, wholeNumber } from '../values.ts';
import { MAX_PIXELS, type Size } from './resize.ts';

const LARGEST = 'at most 8192x8192 pixels';
const atLeast1 = ofKind(wholeNumber(1));

/** A width and a height of at least one pixel each. */
export const sizeKind: ValueKind<Size> = {
  parse(written, where) {
    const [, width, height] = /^([1-9]\d*)x([1-9]\d*)$/.exec(written) ?? [];
    const size = { width: Number(width), height: Number(height) };
    if (width === undefined) throw usage('WIDTHxHEIGHT', where, written);
    if (size.width * size.height > MAX_PIXELS) throw usage(LARGEST, where, written);
    return size;
  },
  format: ({ width, height }) => `${width}x${height}`,
  what: 'a width and a height',
  ...byCheck((value, where) => {
    fields({ width: atLeast1, height: atLeast1 }, ['width', 'height'])(value, where);
    const { width, height } = value as Size;
    if (width * height > MAX_PIXELS) throw usage(LARGEST, where, value);
  }),
};
