/** The library: what the commands do, as functions that print nothing. */

export type { ExportFormat, ExportSummary } from './export/export.ts';
export { type ExportOptions, exportHead } from './export/library.ts';
export type { Dataset, DatasetOptions } from './extract/dataset/dataset.ts';
export type { FolderOptions } from './extract/dataset/folders.ts';
export type { DatasetImage, ImageSource, Listing } from './extract/dataset/layout.ts';
export type { ExtractSummary } from './extract/extract.ts';
export { type ExtractContext, extract, openDataset } from './extract/library.ts';
export type { BackboneOptions, ExtractOptions } from './extract/options.ts';
export { type FineTuneContext, fineTune, readTailGrid as parseTailGrid } from './fine-tune/library.ts';
export type { FineTuneOptions } from './fine-tune/options.ts';
export type { Tuning } from './fine-tune/review.ts';
export type { TailGrid, TailGridBlock } from './fine-tune/search/grid.ts';
export type { TrainingKey, TrainingRequest, TuneKey, TuneRequest } from './fine-tune/search/keys.ts';
export {
  openPredictor,
  type PredictionOptions,
  type Predictor,
  type PredictorOptions,
  predict,
} from './predict/library.ts';
export type { Prediction } from './predict/loaded-head.ts';
export type { LabelIssue, Separability } from './shared/analysis/separability.ts';
export type { Augmentation } from './shared/augment/augmentation.ts';
export type { BatchNormMode } from './shared/backbones/cut/words.ts';
export type { BackboneRequest } from './shared/backbones/thread/protocol.ts';
export type { Calibration } from './shared/calibration/calibrate.ts';
export type { ContentHashes } from './shared/dataset/content-hashes.ts';
export type { NormalizationStatistics } from './shared/dataset/normalize.ts';
export type { RareLabel } from './shared/dataset/rare-labels.ts';
export type { FeatureRows, MatrixFile } from './shared/dataset/rows.ts';
export type { SourceKey, SourceName, SourceRequest } from './shared/dataset/source-options.ts';
export type { SplitRatios } from './shared/dataset/splits.ts';
export type { FeatureSet, FeatureTable, OpenedStore, StoreUse } from './shared/dataset/table.ts';
export type { Finding, Severity } from './shared/diagnosis/finding.ts';
export type { DeviceChoice } from './shared/engines/interface.ts';
export { InputError, UsageError } from './shared/errors.ts';
export type { Review } from './shared/evaluation/diagnose-run.ts';
export type { BestEvaluation } from './shared/evaluation/evaluate-best.ts';
export type { Shape } from './shared/graph/value.ts';
export type {
  Activation,
  BlockLayer,
  ClassWeight,
  HeadArchitecture,
  HeadConfig,
  HeadTraining,
  Loss,
  MetricName,
  Metrics,
  Normalization,
  OptimizerName,
  Output,
  Schedule,
  Task,
} from './shared/head/config.ts';
export type { HeadOptionKey, HeadRequest } from './shared/head/options.ts';
export type { Probabilities } from './shared/head/predicted-labels.ts';
export type { HeadSource } from './shared/head/record.ts';
export { type Head, type HeadRecord, readHead } from './shared/head/record.ts';
export type { TailSettings } from './shared/head/tail-settings.ts';
export type { Interpolation, Resize, Size } from './shared/images/resize.ts';
export type { ManifestOptions, Role } from './shared/manifest/columns.ts';
export type { TopK } from './shared/metrics/confidence.ts';
export type { EvaluatedSplit, Evaluation } from './shared/metrics/counts.ts';
export type { Progress } from './shared/reporter.ts';
export { type Reporter, silent } from './shared/reporter.ts';
export type { Training } from './shared/results/training.ts';
export type { ActivationDtype } from './shared/store/activations/request.ts';
export type { PartRows } from './shared/store/part.ts';
export { type FeatureStore, openStore as openFeatures, type StorePart } from './shared/store/reader.ts';
export type {
  Dtype,
  FeatureColumn,
  FormatVersion,
  ImagePipeline,
  PartEntry,
  Pipeline,
  Shard,
  Split,
  StoreManifest,
} from './shared/store/schema.ts';
export type { TrainedHead } from './shared/training/head-progress.ts';
export type { EpochRecord, HeadResult } from './shared/training/result.ts';
export type { NumberKind } from './shared/values.ts';
export type { ModelPrecision } from './shared/weights/hub/choose-files.ts';
export type { Tensor } from './shared/weights/safetensors.ts';
export { readGrid as parseGrid, type TrainContext, trainHeads } from './train/library.ts';
export type { Grid, GridBlock, HeadBlock } from './train/options/grid.ts';
export type { TrainHeadsOptions, TrainOptions } from './train/options/train-options.ts';
export type { Range } from './train/search/ranges.ts';
