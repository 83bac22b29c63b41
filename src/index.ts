/** The library: what the commands do, as functions that print nothing. */
export { openDataset } from './extract/dataset/dataset.ts';
export { type ExtractOptions, type ExtractSummary, extract } from './extract/extract.ts';
export { type Reporter, silent } from './shared/cli/terminal.ts';
export { InputError, UsageError } from './shared/errors.ts';
export { type Head, type HeadRecord, readHead } from './shared/head/record.ts';
export { type FeatureStore, openStore, type StorePart } from './shared/store/reader.ts';
export { parseGrid } from './train/grid.ts';
export { type Training, type TrainOptions, train } from './train/train.ts';
