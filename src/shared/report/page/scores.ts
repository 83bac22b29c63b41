/** Scores and curves of the best head's predictions, class by class. */
import * as Plot from '@observablehq/plot';
import type { ReportData } from '../data.ts';
import { figure, h, percent, score, scrolling, section } from './dom.ts';
import { SPLIT_NAMES } from './summary.ts';
import { colours, STYLE, widthOf } from './theme.ts';

export function perClass({ perClass: reports, evaluated }: ReportData): HTMLElement {
  const bar = (value: number | null) =>
    h(
      'td',
      { class: 'bar' },
      h('i', { style: `width:${(value ?? 0) * 100}%`, 'aria-hidden': true }),
      h('span', {}, score(value)),
    );
  return section(
    'classes',
    'Scores per class',
    `On ${SPLIT_NAMES[evaluated.split]} images, lowest F1 first.`,
    scrolling(
      'Scores per class',
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...['class', 'images', 'precision', 'recall', 'F1', 'AP', 'AUC'].map((text) =>
              h('th', { scope: 'col' }, text),
            ),
          ),
        ),
        h(
          'tbody',
          {},
          ...[...reports]
            .sort((a, b) => (a.f1 ?? 2) - (b.f1 ?? 2))
            .map(({ name, support, precision, recall, f1, averagePrecision, auc }) =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, name),
                h('td', {}, support),
                bar(precision),
                bar(recall),
                bar(f1),
                h('td', {}, score(averagePrecision)),
                h('td', {}, score(auc)),
              ),
            ),
        ),
      ),
    ),
  );
}

/** Curves are drawn for so many classes; beyond it, for the weakest. */
const MAX_CURVES = 10;

export function ranking(data: ReportData): HTMLElement {
  const auc = new Map(data.perClass.map(({ name, auc }) => [name, auc ?? 1]));
  const shown = [...data.classCurves]
    .sort((a, b) => (auc.get(a.name) ?? 1) - (auc.get(b.name) ?? 1))
    .slice(0, MAX_CURVES);
  const names = shown.map(({ name }) => name);
  const range = colours(names);
  const color = { domain: names, range };
  const points = (key: 'roc' | 'precisionRecall') =>
    shown.flatMap((curve) => curve[key].map(([x, y]) => ({ name: curve.name, x, y })));
  const axes = (x: string, y: string) => ({
    style: STYLE,
    width: widthOf(320),
    height: 290,
    color,
    marginBottom: 40,
    x: { label: x, domain: [0, 1], labelAnchor: 'center' as const },
    y: { label: y, domain: [0, 1], grid: true },
  });
  const bins = data.calibration;
  return section(
    'ranking',
    'Calibration and ranking',
    shown.length < data.classes.length
      ? `The curves show the ${shown.length} classes with the lowest AUC of ${data.classes.length}.`
      : '',
    h(
      'ul',
      { class: 'legend' },
      ...names.map((name, index) => h('li', {}, h('i', { style: `background:${range[index]}` }), name)),
    ),
    h(
      'div',
      { class: 'multiples' },
      figure(
        'Precision-recall curve of each class',
        Plot.plot({
          ...axes('recall', 'precision'),
          marks: [
            Plot.line(points('precisionRecall'), {
              x: 'x',
              y: 'y',
              z: 'name',
              stroke: 'name',
              strokeWidth: 1.8,
            }),
          ],
        }),
      ),
      figure(
        'ROC curve of each class',
        Plot.plot({
          ...axes('false positive rate', 'true positive rate'),
          marks: [
            Plot.line(
              [
                [0, 0],
                [1, 1],
              ],
              { stroke: 'currentColor', strokeOpacity: 0.3, strokeDasharray: '3,3' },
            ),
            Plot.line(points('roc'), { x: 'x', y: 'y', z: 'name', stroke: 'name', strokeWidth: 1.8 }),
          ],
        }),
      ),
      figure(
        calibrationCaption(data),
        Plot.plot({
          style: STYLE,
          width: widthOf(320),
          height: 290,
          marginBottom: 40,
          x: { label: 'confidence', domain: [0, 1], labelAnchor: 'center' },
          y: { label: 'accuracy', domain: [0, 1], grid: true },
          r: { range: [3, 13], domain: [0, Math.max(...bins.map(({ count }) => count))] },
          marks: [
            Plot.line(
              [
                [0, 0],
                [1, 1],
              ],
              { stroke: 'currentColor', strokeOpacity: 0.3, strokeDasharray: '3,3' },
            ),
            Plot.line(bins, { x: 'confidence', y: 'right', stroke: 'var(--accent)', strokeWidth: 1.8 }),
            Plot.dot(bins, {
              x: 'confidence',
              y: 'right',
              r: 'count',
              fill: 'var(--accent)',
              fillOpacity: 0.7,
            }),
          ],
        }),
      ),
    ),
  );
}

function calibrationCaption({ calibrationError }: ReportData): string {
  const error = calibrationError?.after;
  return `Calibration: accuracy at each confidence${typeof error === 'number' ? `; expected calibration error ${percent(error)}` : ''}`;
}

/** Multi-label only: scores at each threshold, and label co-occurrence. */
export function labels(data: ReportData): HTMLElement | null {
  const { cooccurrence, classCurves } = data;
  if (!cooccurrence) return null;
  const classes = data.shown.map((label) => data.classes[label]);
  const curves = classCurves.filter(({ thresholds }) => thresholds.length > 1).slice(0, 12);
  const scores = ['precision', 'recall', 'F1'];
  const range = colours(scores);
  const multiples = curves.map(({ name, thresholds, threshold }) =>
    figure(
      `${name}: scores by threshold${threshold === null ? '' : `; chosen: ${threshold.toFixed(2)}`}`,
      Plot.plot({
        style: STYLE,
        width: widthOf(280),
        height: 190,
        color: { domain: scores, range },
        x: { label: 'threshold', domain: [0, 1], ticks: 5 },
        y: { label: null, domain: [0, 1], grid: true, ticks: 5 },
        marks: [
          Plot.line(
            thresholds.flatMap(([x, ...values]) =>
              values.map((y, index) => ({ x, y, score: scores[index] })),
            ),
            { x: 'x', y: 'y', z: 'score', stroke: 'score', strokeWidth: 1.6 },
          ),
          threshold === null
            ? null
            : Plot.ruleX([threshold], { stroke: 'currentColor', strokeDasharray: '3,3' }),
        ],
      }),
    ),
  );
  const together = classes.flatMap((row, a) =>
    classes.map((column, b) => ({
      row,
      column,
      count: cooccurrence[a][b],
      share: cooccurrence[a][b] / Math.max(1, cooccurrence[a][a]),
    })),
  );
  const side = Math.min(widthOf(620), 120 + classes.length * 64);
  return section(
    'labels',
    'Labels and thresholds',
    'A label is predicted when its probability exceeds its threshold. A higher threshold gives more precision and less recall.',
    h(
      'ul',
      { class: 'legend' },
      ...scores.map((name, index) => h('li', {}, h('i', { style: `background:${range[index]}` }), name)),
    ),
    h('div', { class: 'multiples' }, ...multiples),
    figure(
      'Label co-occurrence: images with both labels. The shade shows their share of the row’s images',
      Plot.plot({
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
          Plot.cell(together, {
            x: 'column',
            y: 'row',
            fill: (one: { share: number }) => mixed(one.share),
            inset: 0,
          }),
          Plot.text(together, { x: 'column', y: 'row', text: 'count', fill: 'currentColor' }),
        ],
      }),
    ),
  );
}

/** A shade of the accent colour over the page's own, in light and dark. */
function mixed(share: number): string {
  return `color-mix(in srgb, var(--accent) ${Math.round(6 + share * 54)}%, var(--paper))`;
}
