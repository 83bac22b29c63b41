/** How pixels become the input of a network that brings no formula of its own: `--preprocess`. */
import { UsageError, usage } from '../../errors.ts';

type Triple = readonly [number, number, number];

/** The input is (x / 255 - mean) / deviation, in the order red, green, blue. */
export interface PixelScaling {
  readonly mean: Triple;
  readonly deviation: Triple;
}

const same = (value: number): Triple => [value, value, value];

/** `imagenet`: torchvision's and timm's defaults; `half`: -1 to 1; `none`: 0 to 255. */
const NAMED: Readonly<Record<string, PixelScaling>> = {
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  half: { mean: same(0.5), deviation: same(0.5) },
  none: { mean: same(0), deviation: same(1 / 255) },
};

export const PIXEL_FORMS =
  'imagenet, half, none, or MEAN,STD of pixels from 0 to 1 (two numbers, or three means and three deviations)';

/** Reads `--preprocess`, and what {@link formatPixels} wrote. @throws UsageError */
export function parsePixels(text: string, where = '--preprocess'): PixelScaling {
  if (Object.hasOwn(NAMED, text)) return NAMED[text];
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [mean, deviation] =
    numbers.length === 2 ? numbers.map(same) : [numbers.slice(0, 3), numbers.slice(3)];
  if (!isTriple(mean) || !isTriple(deviation) || !deviation.every((value) => value > 0))
    throw usage(PIXEL_FORMS, where, text);
  return { mean, deviation };
}

/** The name of a scaling, or its six numbers. */
export function formatPixels(scaling: PixelScaling): string {
  const numbers = (of: PixelScaling) => [...of.mean, ...of.deviation].join(',');
  const named = Object.entries(NAMED).find(([, preset]) => numbers(preset) === numbers(scaling));
  return named?.[0] ?? numbers(scaling);
}

/** The error where nothing says how a network's pixels were scaled. */
export function unknownPixels(file: string): UsageError {
  return new UsageError(
    `Expected --preprocess as ${PIXEL_FORMS} for ${file}, which has no preprocessor_config.json beside it, but received nothing`,
  );
}

function isTriple(numbers: readonly number[]): numbers is Triple {
  return numbers.length === 3 && numbers.every(Number.isFinite);
}
