/** Photos as cards: a thumbnail or a placeholder, the file's name, and lines of text. */
import { counted, plural } from '../../plural.ts';
import type { ReportData, ReportImage } from '../data.ts';
import { h } from './dom.ts';

/** A thumbnail, or a placeholder. */
export function picture({ thumbnail, path }: ReportImage): HTMLElement {
  return thumbnail === null
    ? h('span', { class: 'nophoto', 'aria-hidden': true }, '▧')
    : h('img', { src: thumbnail, alt: path, width: 96, height: 96, loading: 'lazy' });
}

/** One photo with lines below it. */
export function card(image: ReportImage, ...lines: readonly (Node | string)[]): HTMLElement {
  const name = image.path.split('/').at(-1) ?? image.path;
  return h(
    'li',
    { class: 'card', title: image.path },
    picture(image),
    h('div', {}, h('b', {}, name), ...lines.map((line) => h('span', {}, line))),
  );
}

/** A list of cards, of which the first are shown; a button shows more. */
export function cards(all: readonly HTMLElement[], shown = 12): HTMLElement {
  const list = h('ul', { class: 'cards' }, ...all.slice(0, shown));
  if (all.length <= shown) return list;
  const more = h(
    'button',
    {
      type: 'button',
      onclick: () => {
        list.append(...all.slice(shown));
        more.remove();
      },
    },
    `Show ${all.length - shown} more`,
  );
  return h('div', {}, list, more);
}

/** `tulips`, or `sky + trees`, or `no label`. */
export function labelsOf({ labels }: Pick<ReportImage, 'labels'>): string {
  return labels.join(' + ') || 'no label';
}

/** A note on photos that cannot be shown; empty if all can. */
export function missingNote({ photos: { missing, reason } }: ReportData): string {
  if (missing === 0) return '';
  return `${counted(missing, 'photo')} ${plural(missing, 'is', 'are')} not shown: ${reason ?? 'not found'}.`;
}
