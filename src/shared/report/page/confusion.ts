/** The confusion matrix, with the photos behind each number. */
import { counted } from '../../plural.ts';
import type { ReportData } from '../data.ts';
import { h, scrolling, section } from './dom.ts';
import { card, cards, labelsOf } from './photos.ts';
import { SPLIT_NAMES } from './summary.ts';

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

interface Grid {
  /** Over the columns. */
  heads: string[];
  /** Beside the rows. */
  names: string[];
  rows: Cell[][];
}

export function confusion(data: ReportData): HTMLElement {
  const matrix = grid(data);
  const behind = h('div', { class: 'behind', 'aria-live': 'polite' });
  const buttons = new Map<Cell, HTMLElement>();
  let pressed: HTMLElement | undefined;
  const show = (cell: Cell) => {
    pressed?.setAttribute('aria-pressed', 'false');
    pressed = buttons.get(cell);
    pressed?.setAttribute('aria-pressed', 'true');
    behind.replaceChildren(...photosOf(cell, data));
  };
  for (const cell of matrix.rows.flat())
    buttons.set(
      cell,
      cellButton(cell, () => show(cell)),
    );
  // The most telling photos without a click.
  const error = mostFrequentError(matrix);
  if (error) show(error);
  return section(
    'confusion',
    data.task === 'multilabel' ? 'Errors per label' : 'Confusion matrix',
    `On ${SPLIT_NAMES[data.evaluated.split]} images. ${data.task === 'multilabel' ? '' : 'Rows are true classes, columns are predicted classes. '}Click a number to see its photos.${few(data)}`,
    scrolling('Confusion matrix', matrixTable(matrix, buttons)),
    behind,
  );
}

function mostFrequentError({ rows }: Grid): Cell | undefined {
  return rows
    .flat()
    .filter((cell) => !cell.right && cell.count > 0)
    .sort((a, b) => b.count - a.count)[0];
}

function matrixTable({ heads, names, rows }: Grid, buttons: ReadonlyMap<Cell, HTMLElement>): HTMLElement {
  const columns = heads.map((text) => h('th', { scope: 'col' }, h('span', {}, text)));
  return h(
    'table',
    { class: 'confusion' },
    h('thead', {}, h('tr', {}, h('td'), ...columns)),
    h(
      'tbody',
      {},
      ...rows.map((cells, index) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, names[index]),
          ...cells.map((cell) => h('td', {}, buttons.get(cell))),
        ),
      ),
    ),
  );
}

function cellButton({ count, weight, right, title }: Cell, onclick: () => void): HTMLElement {
  return h(
    'button',
    {
      type: 'button',
      class: right ? 'right' : 'wrong',
      style: `--weight:${Math.round(weight * DARKEST)}%`,
      title,
      'aria-pressed': 'false',
      'aria-label': `${title}: ${count}`,
      disabled: count === 0,
      onclick,
    },
    count === 0 ? '·' : String(count),
  );
}

/** The title and the photos of a cell. */
function photosOf({ key, count, title }: Cell, data: ReportData): HTMLElement[] {
  const images = (data.cells[key] ?? []).map((image) => data.images[image]);
  const more = count > images.length && images.length > 0 ? `, ${images.length} shown` : '';
  return [
    h('h3', {}, `${title}: ${counted(count, 'image')}${more}`),
    cards(
      images.map((image) =>
        card(image, `label: ${labelsOf(image)}`, `predicted: ${labelsOf({ labels: image.predicted })}`),
      ),
      24,
    ),
  ];
}

/** A note where not all classes fit. */
function few({ shown, classes }: ReportData): string {
  return shown.length < classes.length
    ? ` Only the ${shown.length} of ${classes.length} classes with the most errors are shown.`
    : '';
}

function grid({ confusion: { task, counts }, classes: all, shown }: ReportData): Grid {
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
        return row.map((count, predicted) => ({
          key: `${shown[actual]}:${shown[predicted]}`,
          count,
          // The root makes rare errors visible.
          weight: actual === predicted ? count / total : Math.sqrt(count / total),
          right: actual === predicted,
          title:
            actual === predicted
              ? `${classes[actual]}, predicted correctly`
              : `${classes[actual]}, predicted as ${classes[predicted]}`,
        }));
      }),
    };
  }
  const kinds = [
    { key: 'found', head: 'true positives', cell: [1, 1], right: true },
    { key: 'missed', head: 'false negatives', cell: [1, 0], right: false },
    { key: 'false', head: 'false positives', cell: [0, 1], right: false },
  ] as const;
  return {
    heads: kinds.map(({ head }) => head),
    names: classes,
    rows: counts.map((cells, label) =>
      kinds.map(({ key, head, cell, right }) => {
        const count = cells[cell[0]][cell[1]];
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
