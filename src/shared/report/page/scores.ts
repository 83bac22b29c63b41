/** Scores of the best head's predictions, class by class. */
import type { ReportData } from '../data.ts';
import { h, score, scrolling, section, table } from './dom.ts';
import { SPLIT_NAMES } from './summary.ts';

const COLUMNS = ['class', 'images', 'precision', 'recall', 'F1', 'AP', 'AUC'];

export function perClass({ perClass: reports, evaluated }: ReportData): HTMLElement {
  const lowestFirst = [...reports].sort((a, b) => (a.f1 ?? 2) - (b.f1 ?? 2));
  return section(
    'classes',
    'Scores per class',
    `On ${SPLIT_NAMES[evaluated.split]} images, lowest F1 first.`,
    scrolling('Scores per class', table(COLUMNS, lowestFirst.map(row))),
  );
}

function row(report: ReportData['perClass'][number]): HTMLElement {
  const { name, support, precision, recall, f1, averagePrecision, auc } = report;
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, name),
    h('td', {}, support),
    bar(precision),
    bar(recall),
    bar(f1),
    h('td', {}, score(averagePrecision)),
    h('td', {}, score(auc)),
  );
}

/** A cell with a bar behind its score. */
function bar(value: number | null): HTMLElement {
  return h(
    'td',
    { class: 'bar' },
    h('i', { style: `width:${(value ?? 0) * 100}%`, 'aria-hidden': true }),
    h('span', {}, score(value)),
  );
}
