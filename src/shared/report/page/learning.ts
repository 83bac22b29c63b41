/** The effect of each option, and the learning curves of the best heads. */
import * as Plot from '@observablehq/plot';
import type { ReportData } from '../data.ts';
import { figure, h, section } from './dom.ts';
import { metricName } from './summary.ts';
import { colours, STYLE, widthOf } from './theme.ts';

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
    const order = values.every((value) => Number.isFinite(Number(value)))
      ? values.sort((a, b) => Number(a) - Number(b))
      : values;
    const dots = lines.map(({ id, options, val }) => ({
      id,
      value: options[name],
      score: val[metric] as number,
    }));
    const best = order.map((value) => ({
      value,
      score: better(...dots.filter((dot) => dot.value === value).map((dot) => dot.score)),
    }));
    const few = order.length <= 12;
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

export function learning(data: ReportData): HTMLElement | null {
  const { curves, task } = data;
  if (curves.length === 0) return null;
  const metric = task === 'multilabel' ? 'binaryAccuracy' : 'accuracy';
  const ids = curves.map(({ id }) => `head ${id}`);
  const range = colours(ids);
  const rows = curves.flatMap(({ id, points }) =>
    points.flatMap(({ epoch, trainLoss, val, train }) => [
      { head: `head ${id}`, epoch, split: 'training', loss: trainLoss, score: train?.[metric] },
      { head: `head ${id}`, epoch, split: 'validation', loss: val.loss, score: val[metric] },
    ]),
  );
  const bests = curves.flatMap(({ id, bestEpoch, points }) => {
    const point = points.find(({ epoch }) => epoch === bestEpoch);
    return point
      ? [{ head: `head ${id}`, epoch: bestEpoch, loss: point.val.loss, score: point.val[metric] }]
      : [];
  });
  const draw = (key: 'loss' | 'score', label: string) => {
    const drawable = rows.filter((row) => typeof row[key] === 'number' && Number.isFinite(row[key]));
    return Plot.plot({
      style: STYLE,
      width: widthOf(500),
      height: 300,
      marginLeft: 48,
      color: { domain: ids, range, legend: false },
      marginBottom: 40,
      x: { label: 'epoch', labelAnchor: 'center' },
      y: { label, grid: true, nice: true },
      marks: [
        ...SPLITS.map(({ split, dashes }) =>
          Plot.line(
            drawable.filter((row) => row.split === split),
            { x: 'epoch', y: key, z: 'head', stroke: 'head', strokeWidth: 1.8, ...dashes },
          ),
        ),
        Plot.dot(
          bests.filter((best) => typeof best[key] === 'number'),
          { x: 'epoch', y: key, fill: 'head', r: 4, stroke: 'var(--paper)' },
        ),
      ],
    });
  };
  const legend = h(
    'ul',
    { class: 'legend' },
    ...ids.map((id, index) => h('li', {}, h('i', { style: `background:${range[index]}` }), id)),
    h('li', { class: 'dashes' }, 'dashed: training; solid: validation; dot: best epoch'),
  );
  return section(
    'learning',
    'Learning curves',
    'Loss and score of the best heads at each epoch.',
    legend,
    h(
      'div',
      { class: 'multiples' },
      figure('Loss by epoch (training dashed)', draw('loss', 'loss')),
      figure(`${metricName(metric)} by epoch (training dashed)`, draw('score', metricName(metric))),
    ),
  );
}
