/** report.html for those who want to look: that it, or a photo in it, cannot be had does not fail a run. */

import { InputError } from '../errors.ts';
import { counted, plural } from '../plural.ts';
import type { Reporter } from '../reporter.ts';
import type { Training } from '../results/training.ts';

/**
 * Writes report.html into a run's folder, or warns why it cannot.
 * @param images folder that the images of the stores are in; default: where extract found them
 */
export async function saveReport(
  out: string,
  training: Training,
  images: string | undefined,
  reporter: Reporter,
): Promise<void> {
  const { writeReport } = await import('./write.ts');
  try {
    const { missing, reason } = await writeReport(out, training, images);
    if (missing > 0)
      reporter.warn(
        `${counted(missing, 'photo')} ${plural(missing, 'is', 'are')} not in the report: ${reason}`,
      );
  } catch (thrown) {
    if (!(thrown instanceof InputError)) throw thrown;
    reporter.warn(`No report: ${thrown.message}`);
  }
}
