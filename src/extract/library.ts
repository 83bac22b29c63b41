/** Features for a program: what `permafrost extract` does, without its printing. */
import { usage } from '../shared/errors.ts';
import { fieldNamesOf, namingFields, reportingFields } from '../shared/field-names.ts';
import { CONTEXT_CHECKS, checkOptions, checksOf, fields, OPTIONS, within } from '../shared/options.ts';
import { type Reporter, silent } from '../shared/reporter.ts';
import { type Check, listOf, ofKind, path, text } from '../shared/values.ts';
import { type Dataset, type DatasetOptions, openDataset as openData } from './dataset/dataset.ts';
import { type ExtractSummary, extract as run } from './extract.ts';
import { BACKBONE_OPTIONS, DATASET_OPTIONS, EXTRACT_OPTIONS, type ExtractOptions } from './options.ts';
import { extractionOf, extractRequest } from './request.ts';

const { backbone: BACKBONE } = checksOf(within('backbone', BACKBONE_OPTIONS));
const backbone: Check = (value, where) => (typeof value === 'string' ? ofKind(text) : BACKBONE)(value, where);

/** Fields that take more than the flags of their names. */
const EXTRACT_CHECKS = {
  data(value, where) {
    if (typeof value === 'object' && value !== null && 'images' in value && 'source' in value) return;
    ofKind(path)(value, where);
  },
  backbone: (value, where) => (Array.isArray(value) ? listOf(backbone, { min: 1 }) : backbone)(value, where),
} as const satisfies Record<string, Check>;

const EXTRACT_FIELDS = fieldNamesOf({ ...within('backbone', BACKBONE_OPTIONS), ...EXTRACT_OPTIONS });

const STREAM: Check = (value, where) => {
  if (typeof value !== 'object' || value === null || !('read' in value))
    throw usage('a stream', where, value);
};

/** What ends the work early, and who is told about it. */
export interface ExtractContext {
  signal?: AbortSignal;
  reporter?: Reporter;
}

/**
 * Computes the features of all images whose content is not in the stores yet, reading each image once for all
 * backbones, and leaves each store with exactly the dataset's rows in the dataset's order. However it ends, what was
 * computed is kept.
 * @param options all but `data` have the command's defaults
 * @returns one summary a backbone
 * @throws UsageError for options that cannot be, naming the field; InputError when no image can be used, too many
 *   fail, or a store is of another pipeline; the abort reason of `signal`
 */
export async function extract(
  options: ExtractOptions,
  context: ExtractContext = {},
): Promise<ExtractSummary[]> {
  checkOptions(EXTRACT_OPTIONS, options, { more: EXTRACT_CHECKS, needed: ['data'] });
  fields(CONTEXT_CHECKS)(context, OPTIONS);
  return namingFields(EXTRACT_FIELDS, async () => {
    const { data, ...given } = options;
    const request = extractRequest(given);
    const { signal } = context;
    const reporter = reportingFields(EXTRACT_FIELDS, context.reporter ?? silent);
    signal?.throwIfAborted();
    const opened = typeof data === 'string' ? await openData({ data }) : undefined;
    try {
      for (const note of opened?.notes ?? []) reporter.warn(note);
      const extraction = await extractionOf(request, opened ?? (data as Dataset), { signal, reporter });
      return await run(extraction, { signal, reporter });
    } finally {
      await opened?.source.close();
    }
  });
}

/**
 * Lists a dataset without reading its images. An archive or a table stays open until `source.close()`.
 * @throws UsageError for options that cannot be, InputError when there is nothing at `data`, or nothing that can be
 *   read
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  return namingFields(fieldNamesOf(DATASET_OPTIONS), async () => {
    checkOptions(DATASET_OPTIONS, options, { more: { stdin: STREAM } });
    return openData(options);
  });
}
