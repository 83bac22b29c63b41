/** How well the best head ranks images, and whether its confidence holds: precision-recall, ROC and calibration curves. */
import * as Plot from '@observablehq/plot';
import type { ClassCurves, ReportData } from '../data.ts';
import { figure, h, legend, percent, section } from './dom.ts';
import { type ColourScale, colourScale, STYLE, widthOf } from './theme.ts';

/** Curves are drawn for so many classes; beyond it, for the weakest. */
const MAX_CURVES = 10;

export function ranking(data: ReportData): HTMLElement {
  const curves = weakest(data);
  const color = colourScale(curves.map(({ name }) => name));
  return section(
    'ranking',
    'Calibration and ranking',
    curves.length < data.classes.length
      ? `The curves show the ${curves.length} classes with the lowest AUC of ${data.classes.length}.`
      : '',
    legend(color),
    h(
      'div',
      { class: 'multiples' },
      figure('Precision-recall curve of each class', precisionRecallPlot(curves, color)),
      figure('ROC curve of each class', rocPlot(curves, color)),
      figure(calibrationCaption(data), calibrationPlot(data)),
    ),
  );
}

/** The curves of the classes with the lowest AUC. */
function weakest({ perClass, classCurves }: ReportData): ClassCurves[] {
  const aucOf = new Map(perClass.map(({ name, auc }) => [name, auc ?? 1]));
  return [...classCurves]
    .sort((a, b) => (aucOf.get(a.name) ?? 1) - (aucOf.get(b.name) ?? 1))
    .slice(0, MAX_CURVES);
}

function precisionRecallPlot(curves: readonly ClassCurves[], color: ColourScale): Element {
  return Plot.plot({
    ...frame('recall', 'precision'),
    color,
    marks: [lines(curves, 'precisionRecall')],
  });
}

function rocPlot(curves: readonly ClassCurves[], color: ColourScale): Element {
  return Plot.plot({
    ...frame('false positive rate', 'true positive rate'),
    color,
    marks: [diagonal(), lines(curves, 'roc')],
  });
}

function calibrationPlot({ calibration: bins }: ReportData): Element {
  return Plot.plot({
    ...frame('confidence', 'accuracy'),
    r: { range: [3, 13], domain: [0, Math.max(...bins.map(({ count }) => count))] },
    marks: [
      diagonal(),
      Plot.line(bins, { x: 'confidence', y: 'right', stroke: 'var(--accent)', strokeWidth: 1.8 }),
      Plot.dot(bins, { x: 'confidence', y: 'right', r: 'count', fill: 'var(--accent)', fillOpacity: 0.7 }),
    ],
  });
}

function calibrationCaption({ calibrationError }: ReportData): string {
  const error = calibrationError?.after;
  return `Calibration: accuracy at each confidence${typeof error === 'number' ? `; expected calibration error ${percent(error)}` : ''}`;
}

/** Size and axes of a plot of two shares. */
function frame(x: string, y: string): Plot.PlotOptions {
  return {
    style: STYLE,
    width: widthOf(320),
    height: 290,
    marginBottom: 40,
    x: { label: x, domain: [0, 1], labelAnchor: 'center' },
    y: { label: y, domain: [0, 1], grid: true },
  };
}

/** One line for each class. */
function lines(curves: readonly ClassCurves[], key: 'roc' | 'precisionRecall'): Plot.Markish {
  const points = curves.flatMap((curve) => curve[key].map(([x, y]) => ({ name: curve.name, x, y })));
  return Plot.line(points, { x: 'x', y: 'y', z: 'name', stroke: 'name', strokeWidth: 1.8 });
}

/** Chance for an ROC curve, perfect calibration for confidence. */
function diagonal(): Plot.Markish {
  return Plot.line(
    [
      [0, 0],
      [1, 1],
    ],
    { stroke: 'currentColor', strokeOpacity: 0.3, strokeDasharray: '3,3' },
  );
}
