/** What the best head answers: confusions with the photos behind them, and scores of each class. */
import * as Plot from '@observablehq/plot';
import type { ReportData } from '../data.ts';
import { figure, h, percent, score, scrolling, section } from './dom.ts';
import { card, cards, labelsOf } from './photos.ts';
import { PART_NAMES } from './summary.ts';
import { colours, STYLE, widthOf } from './theme.ts';

/** Percent of colour in the fullest cell: text stays readable on it. */
const DARKEST = 48;

/** A cell that can be clicked. */
interface Cell {
  key: string;
  count: number;
  /** 0 to 1: how dark the cell is. */
  weight: number;
  right: boolean;
  /** What the photos in it are. */
  title: string;
}

export function confusion(data: ReportData): HTMLElement {
  const { heads, names, rows } = grid(data);
  const shown = h('div', { class: 'behind', 'aria-live': 'polite' });
  let pressed: HTMLElement | undefined;
  const show = (cell: Cell, button: HTMLElement) => {
    pressed?.setAttribute('aria-pressed', 'false');
    pressed = button;
    button.setAttribute('aria-pressed', 'true');
    const images = data.cells[cell.key] ?? [];
    const more = cell.count > images.length && images.length > 0 ? `, ${images.length} of them shown` : '';
    shown.replaceChildren(
      h('h3', {}, `${cell.title}: ${cell.count} ${cell.count === 1 ? 'image' : 'images'}${more}`),
      cards(
        images.map((image) => {
          const one = data.images[image];
          return card(one, `is ${labelsOf(one)}`, `answered ${labelsOf({ labels: one.answered })}`);
        }),
        24,
      ),
    );
  };
  const table = h(
    'table',
    { class: 'confusion' },
    h(
      'thead',
      {},
      h('tr', {}, h('td'), ...heads.map((text) => h('th', { scope: 'col' }, h('span', {}, text)))),
    ),
    h(
      'tbody',
      {},
      ...rows.map((cells, at) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, names[at]),
          ...cells.map((cell) => {
            const button = h(
              'button',
              {
                type: 'button',
                class: cell.right ? 'right' : 'wrong',
                style: `--weight:${Math.round(cell.weight * DARKEST)}%`,
                title: cell.title,
                'aria-pressed': 'false',
                'aria-label': `${cell.title}: ${cell.count}`,
                disabled: cell.count === 0,
                onclick: () => show(cell, button),
              },
              cell.count === 0 ? '·' : String(cell.count),
            );
            return h('td', {}, button);
          }),
        ),
      ),
    ),
  );
  const largest = rows
    .flat()
    .filter((cell) => !cell.right && cell.count > 0)
    .sort((a, b) => b.count - a.count)[0];
  const result = section(
    'confusion',
    data.task === 'multilabel' ? 'Right and wrong for each label' : 'Confusion matrix',
    `On ${PART_NAMES[data.judged.part]} images; ${data.task === 'multilabel' ? '' : 'actual classes down, answers across; '}press a number to see the photos.${few(data)}`,
    scrolling('Confusion matrix', table),
    shown,
  );
  // The most telling photos without a click.
  const place = rows.findIndex((cells) => cells.includes(largest));
  const button =
    place < 0
      ? undefined
      : table.querySelectorAll('tbody tr')[place]?.querySelectorAll('button')[rows[place].indexOf(largest)];
  if (largest && button) show(largest, button);
  return result;
}

/** What is said where not all classes fit. */
function few({ shown, classes }: ReportData): string {
  return shown.length < classes.length
    ? ` Of ${classes.length} classes, the ${shown.length} with most mistakes.`
    : '';
}

function grid({ confusion: { task, counts }, classes: all, shown }: ReportData): {
  heads: string[];
  names: string[];
  rows: Cell[][];
} {
  const classes = shown.map((label) => all[label]);
  if (task === 'multiclass') {
    return {
      heads: classes,
      names: classes,
      rows: counts.map((row, actual) => {
        const total = Math.max(
          1,
          row.reduce((sum, count) => sum + count, 0),
        );
        return row.map((count, answered) => ({
          key: `${shown[actual]}:${shown[answered]}`,
          count,
          // Few mistakes are what one looks for: the root makes them show.
          weight: actual === answered ? count / total : Math.sqrt(count / total),
          right: actual === answered,
          title:
            actual === answered
              ? `${classes[actual]}, answered rightly`
              : `${classes[actual]}, answered ${classes[answered]}`,
        }));
      }),
    };
  }
  const kinds = [
    { key: 'found', head: 'found', at: [1, 1], right: true },
    { key: 'missed', head: 'missed', at: [1, 0], right: false },
    { key: 'false', head: 'false alarms', at: [0, 1], right: false },
  ] as const;
  return {
    heads: kinds.map(({ head }) => head),
    names: classes,
    rows: counts.map((cells, label) =>
      kinds.map(({ key, head, at, right }) => {
        const count = cells[at[0]][at[1]];
        const positives = Math.max(1, cells[1][0] + cells[1][1]);
        return {
          key: `${shown[label]}:${key}`,
          count,
          weight: Math.min(1, count / positives),
          right,
          title: `${classes[label]}, ${head}`,
        };
      }),
    ),
  };
}

export function perClass({ perClass: reports, judged }: ReportData): HTMLElement {
  const bar = (value: number | null) =>
    h(
      'td',
      { class: 'bar' },
      h('i', { style: `width:${(value ?? 0) * 100}%`, 'aria-hidden': true }),
      h('span', {}, score(value)),
    );
  return section(
    'classes',
    'Each class',
    `Scores on ${PART_NAMES[judged.part]} images, the weakest first.`,
    scrolling(
      'Scores of each class',
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
const MOST_CURVES = 10;

export function ranking(data: ReportData): HTMLElement {
  const auc = new Map(data.perClass.map(({ name, auc }) => [name, auc ?? 1]));
  const shown = [...data.classCurves]
    .sort((a, b) => (auc.get(a.name) ?? 1) - (auc.get(b.name) ?? 1))
    .slice(0, MOST_CURVES);
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
    'How sure, and how rightly',
    shown.length < data.classes.length
      ? `Curves of the ${shown.length} weakest of ${data.classes.length} classes.`
      : '',
    h(
      'ul',
      { class: 'legend' },
      ...names.map((name, at) => h('li', {}, h('i', { style: `background:${range[at]}` }), name)),
    ),
    h(
      'div',
      { class: 'multiples' },
      figure(
        'Precision and recall of each class',
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
        'ROC of each class',
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
          y: { label: 'share that is right', domain: [0, 1], grid: true },
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
  return `Calibration: how often answers are right that are so sure${typeof error === 'number' ? `; expected error ${percent(error)}` : ''}`;
}

/** Multi-label only: what each threshold would give, and which labels come together. */
export function labels(data: ReportData): HTMLElement | null {
  const { cooccurrence, classCurves } = data;
  if (!cooccurrence) return null;
  const classes = data.shown.map((label) => data.classes[label]);
  const curves = classCurves.filter(({ thresholds }) => thresholds.length > 1).slice(0, 12);
  const scores = ['precision', 'recall', 'F1'];
  const range = colours(scores);
  const multiples = curves.map(({ name, thresholds, threshold }) =>
    figure(
      `${name}: scores at every threshold${threshold === null ? '' : `, in use ${threshold.toFixed(2)}`}`,
      Plot.plot({
        style: STYLE,
        width: widthOf(280),
        height: 190,
        color: { domain: scores, range },
        x: { label: 'threshold', domain: [0, 1], ticks: 5 },
        y: { label: null, domain: [0, 1], grid: true, ticks: 5 },
        marks: [
          Plot.line(
            thresholds.flatMap(([x, ...values]) => values.map((y, at) => ({ x, y, score: scores[at] }))),
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
    'A label is answered above its threshold; moving it trades precision for recall.',
    h(
      'ul',
      { class: 'legend' },
      ...scores.map((name, at) => h('li', {}, h('i', { style: `background:${range[at]}` }), name)),
    ),
    h('div', { class: 'multiples' }, ...multiples),
    figure(
      'Images that have both labels; shade: share of the row’s images',
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
