/** Colours and sizes that all drawings share. */

/** Observable's categorical palette, which keeps apart in both light and dark. */
const PALETTE = [
  '#4269d0',
  '#efb118',
  '#ff725c',
  '#6cc5b0',
  '#3ca951',
  '#ff8ab7',
  '#a463f2',
  '#97bbf5',
  '#9c6b4e',
  '#9498a0',
];

/** Names and their colours, as a plot's `color` option takes them. */
export interface ColourScale {
  domain: string[];
  range: string[];
}

/** A colour for each of many names: the palette first, then hues around the circle. */
export function colourScale(names: readonly string[]): ColourScale {
  return {
    domain: [...names],
    range: names.map((_, index) => PALETTE[index] ?? `hsl(${Math.round(index * 137.5) % 360} 55% 52%)`),
  };
}

/** Options of every plot: text inherits the page's colour. */
export const STYLE = { background: 'transparent', fontSize: '12px', overflow: 'visible' } as const;

/** The width that drawings have within the text column, at most. */
export function widthOf(max: number): number {
  return Math.max(280, Math.min(max, document.documentElement.clientWidth - 56));
}
