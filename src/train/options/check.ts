/** What a program may pass to trainHeads: the same values as after the flags of train-head. */
import { stat } from 'node:fs/promises';
import { InputError, UsageError, usage } from '../../shared/errors.ts';
import { fieldNamesOf } from '../../shared/field-names.ts';
import { checkOptions } from '../../shared/options.ts';
import { TRAIN_HEAD_OPTIONS } from './train-options.ts';

/** @throws UsageError naming the first option of trainHeads that does not fit */
export function checkTrainOptions(options: unknown): void {
  checkOptions(TRAIN_HEAD_OPTIONS, options, { needed: ['source'] });
  const { out, report, images, spreadsheetSafe } = options as Partial<Record<string, unknown>>;
  if (images !== undefined && (out === undefined || report === false))
    throw new UsageError('Expected out, without report: false, for images: they are for the report');
  if (spreadsheetSafe === true && out === undefined) throw usage('a folder', 'out with spreadsheetSafe', out);
  if (report === true && out === undefined) throw usage('a folder', 'out with report', out);
}

/**
 * Where the report looks for photos: said to be wrong before hours of training, not after.
 * @throws InputError for what is no folder
 */
export async function checkImages(images: string | undefined): Promise<void> {
  const found = images === undefined ? undefined : await stat(images).catch(() => undefined);
  if (images !== undefined && !found?.isDirectory())
    throw new InputError(`No such folder: ${images} (--images)`);
}

/** What messages call the flags of train-head in a program. */
export const TRAIN_FIELDS = fieldNamesOf(TRAIN_HEAD_OPTIONS);
