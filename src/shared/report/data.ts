/** What report.html is made from: plain data, embedded in the page as JSON. */

import type { Finding } from '../diagnosis/finding.ts';
import type { MetricName, Metrics, Task } from '../head/config.ts';
import type { EvaluatedSplit } from '../metrics/counts.ts';
import type { ClassReport, Confusion } from '../metrics/per-class.ts';

/** A line of the leaderboard. */
export interface ReportLine {
  rank: number;
  id: string;
  status: string;
  /** The sources and options in which heads differ, as a grid would write them. */
  options: Record<string, string>;
  val: Metrics;
  epochs: number;
  seconds: number;
  interval?: { low: number; high: number };
  tied?: boolean;
}

/** How one of the best heads learned. */
export interface ReportCurve {
  id: string;
  bestEpoch: number;
  points: { epoch: number; trainLoss: number; val: Metrics; train?: Metrics }[];
}

/** An image that some section shows. */
export interface ReportImage {
  path: string;
  /** A data: URI; null where the photo was not to be had, or too many were requested. */
  thumbnail: string | null;
  labels: string[];
  split: string;
  predicted: string[];
  /** The probability of the likeliest class. */
  confidence: number;
}

/** One class's curves, thinned: [x, y] pairs. */
export interface ClassCurves {
  name: string;
  /** [false positive rate, true positive rate]. */
  roc: [number, number][];
  /** [recall, precision]. */
  precisionRecall: [number, number][];
  /** Multi-label: [threshold, precision, recall, F1]. */
  thresholds: [number, number, number, number][];
  /** Multi-label: the threshold in use. */
  threshold: number | null;
}

export interface ReportData {
  name: string;
  version: string;
  created: string;
  task: Task;
  classes: string[];
  rows: { train: number; val: number; test: number; all: number };
  heads: number;
  seconds: number;
  sources: { backbone: string; weights: string; size: string; columns: string[]; dimension: number }[];
  /** The validation metric that ranks heads. */
  metric: MetricName;
  best: { id: string; options: Record<string, string>; val: Metrics; test: Metrics | null };
  /** The split that the head is evaluated on, the calibrated head's metrics there, and the majority baseline's. */
  evaluated: {
    split: EvaluatedSplit;
    metrics: Metrics;
    baseline: Metrics;
    /** Whether the image behind each prediction is known: not of predictions gathered over folds. */
    traced: boolean;
  };
  diagnosis: Finding[];
  leaderboard: ReportLine[];
  /** What heads differ in: `features` and `pooling` of their sources, then options. */
  varied: string[];
  curves: ReportCurve[];
  perClass: ClassReport[];
  /** Classes that matrices and curves show: all, or of many those predicted wrongly most often. */
  shown: number[];
  /** Of the shown classes. */
  confusion: Confusion;
  /** Images in each cell of the confusion matrix, as indices: `actual:predicted`; multi-label `label:kind`. */
  cells: Record<string, number[]>;
  classCurves: ClassCurves[];
  /** Bins of confidence; multi-label: of every yes-or-no prediction. */
  calibration: { confidence: number; right: number; count: number }[];
  calibrationError: { before: number | null; after: number | null } | null;
  /** Multi-label: images that have both of two of the shown labels, over all images. */
  cooccurrence: number[][] | null;
  /** Features along their first two principal components. */
  map: { points: { x: number; y: number; label: string; image: number }[]; share: number[] };
  /** Images of the evaluated split predicted wrongly, the most confident first. */
  wrong: { image: number; predicted: string; confidence: number }[];
  /** Images of any split whose labels the features contradict. */
  labelIssues: { image: number; suggestion: string; margin: number }[];
  /** How many images the features contradict in all. */
  labelIssueCount: number;
  /** Sets of images with the same content, and whether their labels differ. */
  duplicates: { images: number[]; conflict: boolean }[];
  duplicateCount: number;
  /** Heads that separate nothing and the like: probes on the features alone. */
  probes: { linearAuc: number | null; neighbourAuc: number | null };
  images: ReportImage[];
  /** Thumbnails that could not be made, and why. */
  photos: { shown: number; missing: number; reason: string | null };
}
