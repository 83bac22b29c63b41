/** Multi-label only: scores at each threshold, and label co-occurrence. */
import * as Plot from '@observablehq/plot';
import type { ClassCurves, ReportData } from '../data.ts';
import { figure, h, legend, section } from './dom.ts';
import { type ColourScale, colourScale, STYLE, widthOf } from './theme.ts';

/** What the curves over thresholds show, in the order of their values. */
const SCORES = ['precision', 'recall', 'F1'];

/** Labels whose curves over thresholds are drawn. */
const MAX_CURVES = 12;

export function labels(data: ReportData): HTMLElement | null {
  const { cooccurrence, classCurves } = data;
  if (!cooccurrence) return null;
  const curves = classCurves.filter(({ thresholds }) => thresholds.length > 1).slice(0, MAX_CURVES);
  const color = colourScale(SCORES);
  return section(
    'labels',
    'Labels and thresholds',
    'A label is predicted when its probability exceeds its threshold. A higher threshold gives more precision and less recall.',
    legend(color),
    h(
      'div',
      { class: 'multiples' },
      ...curves.map((curve) => figure(thresholdCaption(curve), thresholdPlot(curve, color))),
    ),
    figure(
      'Label co-occurrence: images with both labels. The shade shows their share of the row’s images',
      cooccurrencePlot(
        data.shown.map((label) => data.classes[label]),
        cooccurrence,
      ),
    ),
  );
}

function thresholdCaption({ name, threshold }: ClassCurves): string {
  return `${name}: scores by threshold${threshold === null ? '' : `; chosen: ${threshold.toFixed(2)}`}`;
}

function thresholdPlot({ thresholds, threshold }: ClassCurves, color: ColourScale): Element {
  const points = thresholds.flatMap(([x, ...values]) =>
    values.map((y, index) => ({ x, y, score: SCORES[index] })),
  );
  return Plot.plot({
    style: STYLE,
    width: widthOf(280),
    height: 190,
    color,
    x: { label: 'threshold', domain: [0, 1], ticks: 5 },
    y: { label: null, domain: [0, 1], grid: true, ticks: 5 },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', z: 'score', stroke: 'score', strokeWidth: 1.6 }),
      threshold === null ? null : Plot.ruleX([threshold], { stroke: 'currentColor', strokeDasharray: '3,3' }),
    ],
  });
}

function cooccurrencePlot(classes: readonly string[], counts: readonly (readonly number[])[]): Element {
  const cells = classes.flatMap((row, a) =>
    classes.map((column, b) => ({
      row,
      column,
      count: counts[a][b],
      share: counts[a][b] / Math.max(1, counts[a][a]),
    })),
  );
  const side = Math.min(widthOf(620), 120 + classes.length * 64);
  return Plot.plot({
    style: STYLE,
    width: side,
    height: side * 0.8,
    marginLeft: 96,
    marginBottom: 60,
    padding: 0.04,
    x: { label: null, domain: classes, tickRotate: -35 },
    y: { label: null, domain: classes },
    color: { type: 'identity' },
    marks: [
      Plot.cell(cells, {
        x: 'column',
        y: 'row',
        fill: (cell: { share: number }) => shade(cell.share),
        inset: 0,
      }),
      Plot.text(cells, { x: 'column', y: 'row', text: 'count', fill: 'currentColor' }),
    ],
  });
}

/** The accent colour over the page's own, in light and dark. */
function shade(share: number): string {
  return `color-mix(in srgb, var(--accent) ${Math.round(6 + share * 54)}%, var(--paper))`;
}
