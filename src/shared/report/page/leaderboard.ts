/** The leaderboard: sorted by any column, filtered by text. */
import { counted } from '../../plural.ts';
import type { ReportData, ReportLine } from '../data.ts';
import { h, score, scrolling, section } from './dom.ts';
import { metricName } from './summary.ts';

interface Column {
  title: string;
  text(line: ReportLine): string;
  /** What the column sorts by. */
  key(line: ReportLine): number | string;
}

/** Rows shown before the button for more. */
const FIRST = 20;

/** How the table is sorted and filtered at the moment. */
interface View {
  /** The index of the column sorted by. */
  column: number;
  descending: boolean;
  filter: string;
  /** Whether rows beyond the first are shown. */
  all: boolean;
}

export function leaderboard(data: ReportData): HTMLElement {
  const columns = columnsOf(data);
  let view: View = { column: 0, descending: false, filter: '', all: false };
  const sortBy = (column: number) => draw({ column, descending: view.column === column && !view.descending });
  const heads = columns.map(({ title }, index) =>
    h('th', { scope: 'col' }, h('button', { type: 'button', onclick: () => sortBy(index) }, title)),
  );
  const body = h('tbody');
  const count = h('p', { class: 'note', 'aria-live': 'polite' });
  const more = h('button', { type: 'button', onclick: () => draw({ all: true }) });
  const filter = h('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'hidden=64 l2',
    oninput: (event) => draw({ filter: (event.target as HTMLInputElement).value }),
  });
  function draw(change: Partial<View>): void {
    view = { ...view, ...change };
    const found = select(data.leaderboard, columns, view);
    const shown = view.all ? found : found.slice(0, FIRST);
    body.replaceChildren(...shown.map((line) => row(line, columns, data.best.id)));
    markSorted(heads, view);
    count.textContent = `${found.length} of ${counted(data.leaderboard.length, 'head')}`;
    more.textContent = `Show all ${found.length}`;
    more.hidden = shown.length === found.length;
  }
  draw({});
  return section(
    'leaderboard',
    'Leaderboard',
    lead(data),
    h('p', { class: 'controls' }, h('label', { for: 'filter' }, 'Filter '), filter),
    scrolling('Leaderboard', h('table', { class: 'sortable' }, h('thead', {}, h('tr', {}, ...heads)), body)),
    count,
    more,
  );
}

function lead({ leaderboard: lines, metric }: ReportData): string {
  const ties = lines.filter(({ tied }) => tied).length;
  return ties > 1
    ? `The best ${ties} heads are tied (marked 1=): their validation scores do not differ significantly.`
    : `Ranked by validation ${metricName(metric)}.`;
}

/** The lines that have all words of the filter, sorted. */
function select(lines: readonly ReportLine[], columns: readonly Column[], view: View): ReportLine[] {
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const { key } = columns[view.column];
  return lines
    .filter((line) => {
      const text = columns
        .map(({ title, text }) => `${title}=${text(line)}`)
        .join(' ')
        .toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => compare(key(a), key(b)) * (view.descending ? -1 : 1));
}

function row(line: ReportLine, columns: readonly Column[], best: string): HTMLElement {
  return h(
    'tr',
    { class: line.id === best ? 'best' : null },
    ...columns.map(({ text }) => h('td', {}, text(line))),
  );
}

/** Tells screen readers and the style sheet which column is sorted. */
function markSorted(heads: readonly HTMLElement[], { column, descending }: View): void {
  for (const [index, head] of heads.entries()) {
    if (index === column) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  }
}

function columnsOf({ metric, varied, leaderboard: lines }: ReportData): Column[] {
  const others = [...new Set(lines.flatMap(({ val }) => Object.keys(val)))].filter((name) => name !== metric);
  const metricColumn = (name: string): Column => {
    const value = (line: ReportLine) => line.val[name as keyof typeof line.val];
    return {
      title: metricName(name),
      text: (line) => score(value(line)),
      key: (line) => value(line) ?? Number.POSITIVE_INFINITY,
    };
  };
  return [
    {
      title: '#',
      text: ({ rank, tied }) => (tied && rank > 1 ? '1=' : String(rank)),
      key: ({ rank }) => rank,
    },
    { title: 'head', text: ({ id }) => id, key: ({ id }) => id },
    metricColumn(metric),
    ...(lines.some(({ interval }) => interval)
      ? [
          {
            title: '95 % interval',
            text: ({ interval }: ReportLine) =>
              interval ? `${score(interval.low)} – ${score(interval.high)}` : '',
            key: ({ interval }: ReportLine) => interval?.low ?? Number.POSITIVE_INFINITY,
          },
        ]
      : []),
    ...varied.map((name): Column => {
      const value = (line: ReportLine) => line.options[name] ?? '';
      return { title: name, text: value, key: (line) => numeric(value(line)) };
    }),
    ...others.slice(0, 2).map(metricColumn),
    { title: 'epochs', text: ({ epochs }) => String(Math.round(epochs)), key: ({ epochs }) => epochs },
    {
      title: 'status',
      text: ({ status }) => status,
      key: ({ status }) => status,
    },
  ];
}

const numeric = (text: string): number | string =>
  text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
