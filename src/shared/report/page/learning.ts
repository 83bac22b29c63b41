/** The effect of each option, and the learning curves of the best heads. */
import * as Plot from '@observablehq/plot';
import type { ReportCurve, ReportData } from '../data.ts';
import { figure, h, legend, section } from './dom.ts';
import { metricName } from './summary.ts';
import { type ColourScale, colourScale, STYLE, widthOf } from './theme.ts';

/** One small plot for each option in which heads differ: each head a dot, a line at the best of each value. */
export function options(data: ReportData): HTMLElement | null {
  const { metric, varied, leaderboard } = data;
  const lines = leaderboard.filter(({ val }) => typeof val[metric] === 'number');
  if (varied.length === 0 || lines.length < 3) return null;
  const better = metric === 'loss' ? Math.min : Math.max;
  const plots = varied.map((name) => {
    const values = [...new Set(lines.map(({ options }) => options[name]))].sort((a, b) =>
      a.localeCompare(b, 'en', { numeric: true }),
    );
    const isNumeric = values.every((value) => Number.isFinite(Number(value)));
    const order = isNumeric ? values.sort((a, b) => Number(a) - Number(b)) : values;
    const dots = lines.map(({ id, options, val }) => ({
      id,
      value: options[name],
      score: val[metric] as number,
    }));
    const best = order.map((value) => ({
      value,
      score: better(...dots.filter((dot) => dot.value === value).map((dot) => dot.score)),
    }));
    const few = order.length <= 12 || !isNumeric;
    const drawing = Plot.plot({
      style: STYLE,
      width: widthOf(238),
      height: 200,
      marginLeft: 50,
      marginBottom: 42,
      x: few
        ? { type: 'point', domain: order, label: name, tickRotate: order.length > 5 ? -30 : 0 }
        : { type: 'log', label: name },
      y: { label: metricName(metric), grid: true, nice: true, ticks: 4 },
      marks: [
        few ? Plot.line(best, { x: 'value', y: 'score', stroke: 'var(--accent)', strokeOpacity: 0.5 }) : null,
        Plot.dot(dots, {
          x: few ? 'value' : (dot: { value: string }) => Number(dot.value),
          y: 'score',
          fill: 'var(--accent)',
          fillOpacity: 0.55,
          r: 3.5,
        }),
      ],
    });
    const spread = Math.max(...best.map(({ score }) => score)) - Math.min(...best.map(({ score }) => score));
    return { spread, drawing: figure(`${metricName(metric)} by ${name}`, drawing) };
  });
  plots.sort((a, b) => b.spread - a.spread);
  return section(
    'options',
    'Effect of each option',
    `Each dot is a head; the line connects the best head of each value. The option with the largest effect on the best ${metricName(metric)} comes first.`,
    h('div', { class: 'multiples' }, ...plots.map(({ drawing }) => drawing)),
  );
}

const SPLITS = [
  { split: 'training', dashes: { strokeDasharray: '3,3' } },
  { split: 'validation', dashes: {} },
];

/** Loss and score of a head on a split after an epoch. */
interface Point {
  head: string;
  epoch: number;
  split: string;
  loss: number | null | undefined;
  score: number | null | undefined;
  /** Whether it is the head's best epoch. */
  best: boolean;
}

export function learning({ curves, task }: ReportData): HTMLElement | null {
  if (curves.length === 0) return null;
  const metric = task === 'multilabel' ? 'binaryAccuracy' : 'accuracy';
  const points = curves.flatMap((curve) => pointsOf(curve, metric));
  const color = colourScale(curves.map(headName));
  return section(
    'learning',
    'Learning curves',
    'Loss and score of the best heads at each epoch.',
    legend(color, h('li', { class: 'dashes' }, 'dashed: training; solid: validation; dot: best epoch')),
    h(
      'div',
      { class: 'multiples' },
      figure('Loss by epoch (training dashed)', epochPlot(points, 'loss', 'loss', color)),
      figure(
        `${metricName(metric)} by epoch (training dashed)`,
        epochPlot(points, 'score', metricName(metric), color),
      ),
    ),
  );
}

const headName = ({ id }: ReportCurve): string => `head ${id}`;

function pointsOf(curve: ReportCurve, metric: 'accuracy' | 'binaryAccuracy'): Point[] {
  return curve.points.flatMap(({ epoch, trainLoss, val, train }) => {
    const common = { head: headName(curve), epoch, best: epoch === curve.bestEpoch };
    return [
      { ...common, split: 'training', loss: trainLoss, score: train?.[metric] },
      { ...common, split: 'validation', loss: val.loss, score: val[metric] },
    ];
  });
}

/** A line for each head and split, and a dot at each head's best epoch. */
function epochPlot(
  points: readonly Point[],
  key: 'loss' | 'score',
  label: string,
  color: ColourScale,
): Element {
  const drawable = points.filter((point) => Number.isFinite(point[key]));
  return Plot.plot({
    style: STYLE,
    width: widthOf(500),
    height: 300,
    marginLeft: 48,
    color: { ...color, legend: false },
    marginBottom: 40,
    x: { label: 'epoch', labelAnchor: 'center' },
    y: { label, grid: true, nice: true },
    marks: [
      ...SPLITS.map(({ split, dashes }) =>
        Plot.line(
          drawable.filter((point) => point.split === split),
          { x: 'epoch', y: key, z: 'head', stroke: 'head', strokeWidth: 1.8, ...dashes },
        ),
      ),
      Plot.dot(
        drawable.filter(({ best, split }) => best && split === 'validation'),
        { x: 'epoch', y: key, fill: 'head', r: 4, stroke: 'var(--paper)' },
      ),
    ],
  });
}
