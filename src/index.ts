/** The library: what the commands do, as functions that print nothing. */

export { type ExportFormat, type ExportOptions, type ExportSummary, exportHead } from './export/export.ts';
export { openDataset } from './extract/dataset/dataset.ts';
export { type ExtractOptions, type ExtractSummary, extract } from './extract/extract.ts';
export type { Answer } from './predict/answer.ts';
export { openPredictor, type Predictor, type PredictorOptions, predict } from './predict/library.ts';
export { type Reporter, silent } from './shared/cli/terminal.ts';
export { InputError, UsageError } from './shared/errors.ts';
export { type Head, type HeadRecord, readHead } from './shared/head/record.ts';
export { type FeatureStore, openStore as openFeatures, type StorePart } from './shared/store/reader.ts';
export { type TrainHeadsOptions, trainHeads } from './train/library.ts';
export type { TrainOptions } from './train/options/train-options.ts';
export type { Training } from './train/results/training.ts';
export { parseGrid } from './train/search/grid.ts';
