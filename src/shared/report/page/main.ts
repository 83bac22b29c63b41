/** The program of report.html: reads the embedded data and builds the page. */
import type { ReportData } from '../data.ts';
import { confusion } from './confusion.ts';
import { h } from './dom.ts';
import { duplicates, labelIssues, map, wrong } from './images.ts';
import { labels } from './labels.ts';
import { leaderboard } from './leaderboard.ts';
import { learning, options } from './learning.ts';
import { ranking } from './ranking.ts';
import { perClass } from './scores.ts';
import { diagnosis, header, summary } from './summary.ts';

/** In the order of the page. */
const SECTIONS: readonly ((data: ReportData) => HTMLElement | null)[] = [
  summary,
  diagnosis,
  leaderboard,
  options,
  learning,
  confusion,
  perClass,
  ranking,
  labels,
  map,
  wrong,
  labelIssues,
  duplicates,
];

const data = JSON.parse(document.getElementById('data')?.textContent ?? '') as ReportData;
document.title = `${data.name} · permafrost`;
const main = h('main');
const links = h('ul');
document.body.append(
  h('a', { class: 'skip', href: '#summary' }, 'Skip to the results'),
  header(data),
  h('nav', { 'aria-label': 'Sections' }, links),
  main,
  h('footer', {}, `permafrost ${data.version}, ${data.created.slice(0, 16).replace('T', ' ')} UTC`),
);
for (const make of SECTIONS) {
  const made = make(data);
  if (!made) continue;
  main.append(made);
  links.append(h('li', {}, h('a', { href: `#${made.id}` }, made.querySelector('h2')?.textContent)));
}
