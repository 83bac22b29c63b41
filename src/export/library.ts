/** Heads in other formats, for a program: what `permafrost export` does, without its printing. */

import { headOption } from '../shared/head/head-option.ts';
import { type Head, readHead } from '../shared/head/record.ts';
import {
  type Checks,
  CONTEXT_CHECKS,
  fields,
  namingFields,
  OPTIONS,
  ofKind,
  text,
  texts,
} from '../shared/options.ts';
import type { Reporter } from '../shared/reporter.ts';
import { choice, toggle } from '../shared/values.ts';
import { EXPORT_FORMATS, type ExportFormat, type ExportSummary, exportHead as run } from './export.ts';

export interface ExportOptions {
  /** The folder `best` of a run, or a head that was read already. */
  head: string | Head;
  format: ExportFormat;
  /** With keras: whether the model takes photos, resizing and backbone included; default: features. */
  full?: boolean;
  /** The file, or for tfjs the folder, to write. */
  out: string;
  /** Weights instead of those recorded: one for each backbone of the head, in order. Default: as extracted with. */
  weights?: readonly string[];
  signal?: AbortSignal;
  reporter?: Reporter;
}

const EXPORT_CHECKS: Checks = {
  head: headOption,
  format: ofKind(choice(EXPORT_FORMATS)),
  full: ofKind(toggle),
  out: text,
  weights: texts,
  ...CONTEXT_CHECKS,
};

/**
 * Writes an export under a temporary name, runs it, and only then gives it its name.
 * @throws InputError where the written file does not predict as permafrost does, or a backbone is not as recorded;
 *   UsageError for what a format cannot hold, or options that cannot be; the abort reason of `signal`
 */
export async function exportHead(options: ExportOptions): Promise<ExportSummary> {
  fields(EXPORT_CHECKS, ['head', 'format', 'out'])(options, OPTIONS);
  const { head, weights = [], ...given } = options;
  options.signal?.throwIfAborted();
  const read = typeof head === 'string' ? await readHead(head) : head;
  return namingFields({}, () => run({ ...given, head: read, weights }));
}
