/** Heads in other formats, for a program: what `permafrost export` does, without its printing. */

import { namingFields } from '../shared/field-names.ts';
import { type Head, readHead } from '../shared/head/record.ts';
import { CONTEXT_CHECKS, checkOptions } from '../shared/options.ts';
import type { Reporter } from '../shared/reporter.ts';
import { type ExportFormat, type ExportSummary, exportHead as run } from './export.ts';
import { EXPORT_OPTIONS } from './options.ts';

export interface ExportOptions {
  /** The folder `best` of a run, or a head that was read already. */
  head: string | Head;
  format: ExportFormat;
  /** With keras and tfjs: whether the model takes photos, backbone included; default: features, but of a head with a trained tail. */
  full?: boolean;
  /** The file, or for tfjs the folder, to write. */
  out: string;
  /** Weights instead of those recorded: one for each backbone of the head, in order. Default: as extracted with. */
  weights?: readonly string[];
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Writes an export under a temporary name, runs it, and only then gives it its name.
 * @throws InputError where the written file does not predict as permafrost does, or a backbone is not as recorded;
 *   UsageError for what a format cannot hold, or options that cannot be; the abort reason of `signal`
 */
export async function exportHead(options: ExportOptions): Promise<ExportSummary> {
  checkOptions(EXPORT_OPTIONS, options, { more: CONTEXT_CHECKS });
  const { head, weights = [], ...given } = options;
  options.signal?.throwIfAborted();
  const read = typeof head === 'string' ? await readHead(head) : head;
  return namingFields({}, () => run({ ...given, head: read, weights }));
}
