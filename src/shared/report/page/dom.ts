/** Builds elements. Text only ever becomes text nodes and attributes, so that nothing in the data is read as markup. */

import type { ColourScale } from './theme.ts';

type Child = Node | string | number | null | undefined | false;
type Listener = (event: Event) => void;
type Attribute = string | number | boolean | Listener | null | undefined;

/** An element with attributes (`onclick` and the like are listeners; false and null leave one out) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, String(value));
  }
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
  return element;
}

/** A part of the page with a heading that the navigation links to; null where there is nothing to show. */
export function section(id: string, title: string, lead: string, ...children: readonly Child[]): HTMLElement {
  return h(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title),
    lead !== '' && h('p', { class: 'lead' }, lead),
    ...children,
  );
}

/** A drawing with its caption; the caption is also what a screen reader says. */
export function figure(caption: string, drawing: Element): HTMLElement {
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', caption);
  // The library names its groups; inside an image that only contradicts the image's own name.
  for (const part of drawing.querySelectorAll('[aria-label], [aria-description]')) {
    part.removeAttribute('aria-label');
    part.removeAttribute('aria-description');
  }
  const width = drawing.getAttribute('width');
  return h('figure', { style: width && `max-width:${width}px` }, h('figcaption', {}, caption), drawing);
}

/** The names of a colour scale, each with its colour; `notes` are items of their own. */
export function legend({ domain, range }: ColourScale, ...notes: readonly Child[]): HTMLElement {
  const items = domain.map((name, index) =>
    h('li', {}, h('i', { style: `background:${range[index]}` }), name),
  );
  return h('ul', { class: 'legend' }, ...items, ...notes);
}

/** A table with a heading over each column. */
export function table(columns: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  const heads = columns.map((text) => h('th', { scope: 'col' }, text));
  return h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
}

/** What scrolls sideways on a narrow screen; reachable by keyboard. */
export function scrolling(label: string, content: Element): HTMLElement {
  return h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': label }, content);
}

/** A score as tables show it. */
export function score(value: number | null | undefined): string {
  return typeof value === 'number' && Number.isFinite(value) ? value.toFixed(3) : '–';
}

/** A share as tables show it. */
export function percent(value: number | null | undefined): string {
  return typeof value === 'number' && Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : '–';
}
