/** Images that could not be used: counted, listed in errors.jsonl, and too many of them stop the run. */
import { join } from 'node:path';
import { InputError, usage } from '../shared/errors.ts';
import { jsonLines, makeFolder, writeDurably } from '../shared/store/files.ts';
import { ERRORS_FILE } from '../shared/store/schema.ts';

/** One line of errors.jsonl. */
export interface Failure {
  path: string;
  reason: string;
}

/** How many images may fail: a number, or a percentage of the dataset. */
export type MaxErrors = { images: number } | { percent: number };

/** Reads `20` or `5%`. @throws UsageError naming `where` it stood */
export function parseMaxErrors(text: string, where = '--max-errors'): MaxErrors {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (percent === '%' && value <= 100) return { percent: value };
  if (percent === '' && Number.isSafeInteger(value)) return { images: value };
  throw usage('a number of images or a percentage like 5%', where, text);
}

/** The number of failures beyond which a run over `images` images stops. */
export function allowedFailures(maxErrors: MaxErrors, images: number): number {
  return 'images' in maxErrors ? maxErrors.images : Math.floor((images * maxErrors.percent) / 100);
}

/** Replaces errors.jsonl with this run's failures. */
export async function writeFailures(out: string, failures: readonly Failure[]): Promise<void> {
  await makeFolder(out);
  await writeDurably(join(out, ERRORS_FILE), jsonLines(failures));
}

/** The error that ends a run because of an image. */
export function failureError({ path, reason }: Failure, why: string): InputError {
  return new InputError(`${path}: ${reason} (${why})`);
}
