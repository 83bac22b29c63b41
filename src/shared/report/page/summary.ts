/** The first screen: the scores of the best head beside the majority baseline, and the diagnosis. */

import type { Finding } from '../../diagnosis/finding.ts';
import type { Metrics } from '../../head/config.ts';
import { counted } from '../../plural.ts';
import type { ReportData } from '../data.ts';
import { h, percent, score, scrolling, section, table } from './dom.ts';
import { missingNote } from './photos.ts';

const METRIC_NAMES: Readonly<Record<string, string>> = {
  loss: 'loss',
  accuracy: 'accuracy',
  balancedAccuracy: 'balanced accuracy',
  f1Macro: 'macro F1',
  f1Micro: 'micro F1',
  auc: 'AUC',
  mAP: 'mean average precision',
  subsetAccuracy: 'subset accuracy',
  binaryAccuracy: 'binary accuracy',
};

/** A metric's name for people. */
export const metricName = (name: string): string => METRIC_NAMES[name] ?? name;

export const SPLIT_NAMES = { val: 'validation', test: 'test' } as const;

export function header(data: ReportData): HTMLElement {
  const [source] = data.sources;
  return h(
    'header',
    {},
    h('p', { class: 'brand' }, 'permafrost'),
    h('h1', {}, data.name),
    h(
      'p',
      { class: 'lead' },
      `${counted(data.rows.all, 'image')}, ${data.task === 'multilabel' ? counted(data.classes.length, 'label') : counted(data.classes.length, 'class', 'classes')}, features from `,
      h('b', {}, data.sources.map(({ backbone }) => backbone).join(' + ')),
      ` at ${source.size}; ${counted(data.heads, 'head')} trained in ${data.seconds.toFixed(1)} s.`,
    ),
  );
}

/** The metrics on the first screen. */
const TILES = {
  multiclass: ['accuracy', 'balancedAccuracy', 'f1Macro', 'auc'],
  multilabel: ['mAP', 'f1Macro', 'auc', 'subsetAccuracy'],
} as const;

export function summary(data: ReportData): HTMLElement {
  const { evaluated, task, best, rows } = data;
  const note = missingNote(data);
  return section(
    'summary',
    'Scores',
    `The best head, ${best.id}, on ${counted(rows[evaluated.split], `${SPLIT_NAMES[evaluated.split]} image`)} that it was not trained on.`,
    h('dl', { class: 'tiles' }, ...TILES[task].map((name) => tile(name, evaluated))),
    h(
      'details',
      {},
      h('summary', {}, 'All metrics and options of the best head'),
      scrolling('All metrics', metricsTable(data)),
      settings(data),
    ),
    note !== '' && h('p', { class: 'note' }, note),
  );
}

/** A metric beside the majority baseline's. */
function tile(name: keyof Metrics, { metrics, baseline }: ReportData['evaluated']): HTMLElement {
  const [value, floor] = [metrics[name], baseline[name]];
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, metricName(name)),
    h('dd', {}, percent(value)),
    h('dd', { class: 'against' }, `majority baseline: ${percent(floor)}`, meter(value, floor)),
  );
}

function metricsTable({ evaluated: { split, metrics, baseline }, best }: ReportData): HTMLElement {
  const names = Object.keys(metrics) as (keyof Metrics)[];
  return table(
    ['metric', 'validation', SPLIT_NAMES[split], 'majority baseline'],
    names.map((name) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, metricName(name)),
        ...[best.val[name], metrics[name], baseline[name]].map((value) => h('td', {}, score(value))),
      ),
    ),
  );
}

/** The best head's options, less those that are off. */
function settings({ best }: ReportData): HTMLElement {
  const options = Object.entries(best.options).filter(([, value]) => value !== 'false' && value !== '0');
  return h('p', { class: 'settings' }, ...options.map(([name, value]) => h('code', {}, `${name} ${value}`)));
}

/** A bar with a mark at the majority baseline. */
function meter(value: number | null | undefined, floor: number | null | undefined): HTMLElement {
  const position = (share: number | null | undefined) => `${Math.max(0, Math.min(1, share ?? 0)) * 100}%`;
  return h(
    'span',
    { class: 'meter', 'aria-hidden': true },
    h('i', { style: `width:${position(value)}` }),
    h('b', { style: `left:${position(floor)}` }),
  );
}

const SEVERITY_NAMES: Readonly<Record<Finding['severity'], string>> = {
  problem: 'Problem',
  warning: 'Warning',
  note: 'Note',
};

export function diagnosis({ diagnosis: findings }: ReportData): HTMLElement {
  return section(
    'diagnosis',
    'Diagnosis',
    findings.length === 0
      ? 'No problems found: features, options, training and validation look healthy.'
      : '',
    h(
      'ul',
      { class: 'findings' },
      ...findings.map(({ severity, title, evidence, remedy, flag }) =>
        h(
          'li',
          { class: severity },
          h('h3', {}, h('span', { class: 'badge' }, SEVERITY_NAMES[severity]), title),
          h('p', {}, sentence(evidence)),
          h('p', {}, sentence(remedy), flag !== null && h('code', {}, flag)),
        ),
      ),
    ),
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}. `;
}
