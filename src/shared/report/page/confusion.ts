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

export function confusion(data: ReportData): HTMLElement {
  const { heads, names, rows } = grid(data);
  const shown = h('div', { class: 'behind', 'aria-live': 'polite' });
  let pressed: HTMLElement | undefined;
  const show = (cell: Cell, button: HTMLElement) => {
    pressed?.setAttribute('aria-pressed', 'false');
    pressed = button;
    button.setAttribute('aria-pressed', 'true');
    const images = data.cells[cell.key] ?? [];
    const more = cell.count > images.length && images.length > 0 ? `, ${images.length} shown` : '';
    shown.replaceChildren(
      h('h3', {}, `${cell.title}: ${counted(cell.count, 'image')}${more}`),
      cards(
        images.map((image) => {
          const one = data.images[image];
          return card(one, `label: ${labelsOf(one)}`, `predicted: ${labelsOf({ labels: one.predicted })}`);
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
      ...rows.map((cells, index) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, names[index]),
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
    data.task === 'multilabel' ? 'Errors per label' : 'Confusion matrix',
    `On ${SPLIT_NAMES[data.evaluated.split]} images. ${data.task === 'multilabel' ? '' : 'Rows are true classes, columns are predicted classes. '}Click a number to see its photos.${few(data)}`,
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

/** A note where not all classes fit. */
function few({ shown, classes }: ReportData): string {
  return shown.length < classes.length
    ? ` Only the ${shown.length} of ${classes.length} classes with the most errors are shown.`
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
