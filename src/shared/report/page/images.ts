/** The photos themselves: a map of their features, the most confident errors, likely label errors, copies. */
import * as Plot from '@observablehq/plot';
import { counted, plural } from '../../plural.ts';
import type { ReportData } from '../data.ts';
import { figure, h, legend, percent, section } from './dom.ts';
import { card, cards, labelsOf, picture } from './photos.ts';
import { SPLIT_NAMES } from './summary.ts';
import { type ColourScale, colourScale, STYLE, widthOf } from './theme.ts';

type Point = ReportData['map']['points'][number] & {
  /** The label, or `all others`. */
  group: string;
};

export function map(data: ReportData): HTMLElement | null {
  const { points, share } = data.map;
  if (points.length < 3) return null;
  const { groups, grouped } = groupByLabel(points);
  const color = colourScale(groups);
  const hovered = h(
    'ul',
    { class: 'cards hovered' },
    h('li', { class: 'hint' }, 'Point at a dot to see its photo.'),
  );
  const plot = mapPlot(grouped, color, ({ image }) => {
    const one = data.images[image];
    hovered.replaceChildren(
      card(one, `label: ${labelsOf(one)}`, `predicted: ${labelsOf({ labels: one.predicted })}`),
    );
  });
  return section(
    'map',
    'Map of the features',
    `Each dot is a photo. Similar features are close together. The two axes explain ${percent(share.reduce((sum, one) => sum + one, 0))} of the variance.`,
    legend(color),
    h(
      'div',
      { class: 'mapped' },
      figure('First two principal components of the features, coloured by label', plot),
      hovered,
    ),
  );
}

/** Labels with a colour of their own on the map. */
const MAX_GROUPS = 10;

/** The most common labels by name, and the points with theirs. */
function groupByLabel(points: ReportData['map']['points']): { groups: string[]; grouped: Point[] } {
  const counts = new Map<string, number>();
  for (const { label } of points) counts.set(label, (counts.get(label) ?? 0) + 1);
  const common = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_GROUPS)
    .map(([label]) => label)
    .sort();
  const rest = 'all others';
  return {
    groups: common.length < counts.size ? [...common, rest] : common,
    grouped: points.map((point) => ({
      ...point,
      group: common.includes(point.label) ? point.label : rest,
    })),
  };
}

/** The dots; `onPoint` receives the one nearest to the pointer. */
function mapPlot(points: readonly Point[], color: ColourScale, onPoint: (point: Point) => void): Element {
  const plot = Plot.plot({
    style: STYLE,
    width: widthOf(740),
    height: Math.min(540, widthOf(740) * 0.75),
    inset: 12,
    axis: null,
    color,
    marks: [
      Plot.dot(points, { x: 'x', y: 'y', fill: 'group', r: 4, fillOpacity: 0.78 }),
      Plot.dot(
        points,
        Plot.pointer({ x: 'x', y: 'y', stroke: 'currentColor', strokeWidth: 2, r: 8, maxRadius: 30 }),
      ),
    ],
  });
  plot.addEventListener('input', () => {
    const { value } = plot as unknown as { value: Point | null };
    if (value) onPoint(value);
  });
  return plot;
}

export function wrong(data: ReportData): HTMLElement | null {
  if (!data.evaluated.traced) return null;
  const split = SPLIT_NAMES[data.evaluated.split];
  return section(
    'wrong',
    'Most confident errors',
    data.wrong.length === 0
      ? `All ${split} images are predicted correctly.`
      : `Wrong predictions on ${split} images, highest confidence first.`,
    cards(
      data.wrong.map(({ image, predicted, confidence }) => {
        const one = data.images[image];
        return card(
          one,
          `label: ${labelsOf(one)}`,
          h('em', {}, `predicted: ${predicted} (${percent(confidence)})`),
        );
      }),
    ),
  );
}

export function labelIssues(data: ReportData): HTMLElement {
  return section(
    'label-issues',
    'Likely label errors',
    data.labelIssueCount === 0
      ? 'No label disagrees with the features.'
      : `${counted(data.labelIssueCount, 'photo')} in all splits. A probe fitted to all other photos prefers another label; largest margin first.`,
    cards(
      data.labelIssues.map(({ image, suggestion, margin }) => {
        const one = data.images[image];
        return card(
          one,
          `label: ${labelsOf(one)}`,
          h('em', {}, `suggested: ${suggestion}`),
          `margin ${margin.toFixed(2)}, ${one.split}`,
        );
      }),
    ),
  );
}

export function duplicates(data: ReportData): HTMLElement {
  const { duplicates: sets, duplicateCount } = data;
  const conflicts = sets.filter(({ conflict }) => conflict).length;
  return section(
    'duplicates',
    'Duplicates and conflicts',
    duplicateCount === 0
      ? 'There are no duplicates.'
      : `${counted(duplicateCount, 'photo')} ${plural(duplicateCount, 'has', 'have')} copies${conflicts > 0 ? `, ${conflicts} of them with different labels` : ''}. Copies always stay in the same split.`,
    h(
      'ul',
      { class: 'sets' },
      ...sets.map(({ images, conflict }) => {
        const [first] = images.map((image) => data.images[image]);
        return h(
          'li',
          { class: conflict ? 'card conflict' : 'card' },
          picture(first),
          h(
            'div',
            {},
            h('b', {}, conflict ? 'Different labels' : `${images.length} copies`),
            ...images.map((image) =>
              h('span', {}, `${data.images[image].path}: ${labelsOf(data.images[image])}`),
            ),
          ),
        );
      }),
    ),
  );
}
