/** What a sweep shows in the terminal: the leaderboard, the best head against the baseline, and each class. */

import { variedSourceKeys } from '../dataset/source-options.ts';
import { METRICS, type MetricName, type Metrics } from '../head/config.ts';
import { variedColumns } from '../head/setting-columns.ts';
import type { ClassReport, Confusion } from '../metrics/per-class.ts';
import { counted } from '../plural.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { type Column, drawTable, printable, score } from './drawing.ts';

/** Classes listed one by one; beyond this the worst are. */
const MAX_CLASSES = 30;

/** Pairs listed of a confusion matrix that does not fit. */
const MAX_CONFUSIONS = 10;

/**
 * The best heads: rank, id, the metric that ranks them, the options in which heads differ, other metrics as far as
 * `width` allows. Works on any number of finished heads, so it can be redrawn while a sweep runs.
 */
export function leaderboardTable(
  results: readonly HeadResult[],
  { metric, top = 10, width }: { metric: MetricName; top?: number; width: number },
): string {
  const shown = rankResults(results, metric).slice(0, top);
  const { text, leftOut } = drawTable(
    [
      ...placeColumns(shown),
      ...rankingColumns(shown, metric),
      ...optionColumns(results, shown),
      ...otherMetrics(shown, metric),
      ...epochColumns(shown),
    ],
    width,
  );
  return withNote(text, leaderboardNotes(results, shown, { metric, leftOut }).join('; '));
}

function placeColumns(shown: readonly HeadResult[]): Column[] {
  // Lines that chance may have put behind the first share its place.
  const places = shown.map(({ tied }, index) => (tied && index > 0 ? '1=' : String(index + 1)));
  return [
    { title: '#', cells: places, right: true },
    { title: 'head', cells: shown.map(({ id }) => id) },
  ];
}

/** The metric that ranks heads, and how far it can be trusted. */
function rankingColumns(shown: readonly HeadResult[], metric: MetricName): Column[] {
  const columns = [
    scores(
      `val ${metric}`,
      shown.map(({ val, status, spread }) =>
        status === 'diverged' ? status : withSpread(val[metric], spread?.[metric]),
      ),
    ),
  ];
  if (shown.some(({ interval }) => interval)) {
    const cells = shown.map(({ interval }) =>
      interval ? `${interval.low.toFixed(3)}-${interval.high.toFixed(3)}` : '',
    );
    columns.push({ title: '95 % interval', cells, right: true, optional: true });
  }
  if (shown.some(({ test }) => test !== null)) {
    const tested = shown.map(({ test }) => test?.[metric]);
    columns.push(scores(`test ${metric}`, tested));
  }
  return columns;
}

/** Sources and options in which any of the heads differ. */
function optionColumns(results: readonly HeadResult[], shown: readonly HeadResult[]): Column[] {
  const sources = variedSourceKeys(results.map(({ source }) => source));
  return [
    ...sources.map((key) => ({ title: key, cells: shown.map(({ source }) => source?.[key] ?? '') })),
    ...variedColumns(results.map(({ config }) => config)).map(({ title, written }) => ({
      title,
      cells: shown.map(({ config }) => written(config)),
      optional: true,
    })),
  ];
}

function otherMetrics(shown: readonly HeadResult[], metric: MetricName): Column[] {
  const names = METRICS.filter((name) => name !== metric && shown.some(({ val }) => name in val));
  return names.map((name) => {
    const values = shown.map(({ val }) => val[name]);
    return { ...scores(`val ${name}`, values), optional: true };
  });
}

function epochColumns(shown: readonly HeadResult[]): Column[] {
  const columns: Column[] = [];
  if (shown.some(({ status }) => status === 'dropped')) {
    const cells = shown.map(({ status, epochs }) => (status === 'dropped' ? String(Math.round(epochs)) : ''));
    columns.push({ title: 'dropped after', cells, right: true });
  }
  const best = shown.map(({ bestEpoch }) => String(Math.round(bestEpoch)));
  return [...columns, { title: 'epoch', cells: best, right: true, optional: true }];
}

/** What a reader of the table must know beside it. */
function leaderboardNotes(
  results: readonly HeadResult[],
  shown: readonly HeadResult[],
  { metric, leftOut }: { metric: MetricName; leftOut: readonly string[] },
): string[] {
  const diverged = results.filter(({ status }) => status === 'diverged').length;
  const dropped = results.filter(({ status }) => status === 'dropped').length;
  const ties = shown.filter(({ tied }) => tied).length;
  const notes = [
    shown.length < results.length ? `the best ${shown.length} of ${counted(results.length, 'head')}` : '',
    diverged > 0 ? `${diverged} diverged` : '',
    dropped > 0 ? `${dropped} dropped by halving` : '',
    ties > 1 ? `1=: tied with the first on validation (95 % bootstrap interval of val ${metric})` : '',
    leftOut.length > 0 ? `not shown: ${leftOut.join(', ')}` : '',
  ];
  return notes.filter((note) => note !== '');
}

/** Metrics side by side, one column per name (`{ 'best head': ..., 'majority baseline': ... }`). */
export function metricsTable(columns: Readonly<Record<string, Metrics>>, width: number): string {
  const names = METRICS.filter((name) => Object.values(columns).some((metrics) => name in metrics));
  const titled = Object.entries(columns).map(([title, metrics]) =>
    scores(
      title,
      names.map((name) => metrics[name]),
    ),
  );
  return drawTable([{ title: 'metric', cells: [...names] }, ...titled], width).text;
}

/** Precision, recall and F1 of each class; of many classes those with the lowest F1. */
export function perClassTable(reports: readonly ClassReport[], width: number): string {
  const shown =
    reports.length > MAX_CLASSES
      ? [...reports].sort((a, b) => (a.f1 ?? 2) - (b.f1 ?? 2)).slice(0, MAX_CLASSES)
      : reports;
  const { text } = drawTable(
    [
      { title: 'class', cells: shown.map(({ name }) => name) },
      { title: 'images', cells: shown.map(({ support }) => String(support)), right: true },
      scores(
        'precision',
        shown.map(({ precision }) => precision),
      ),
      scores(
        'recall',
        shown.map(({ recall }) => recall),
      ),
      scores(
        'F1',
        shown.map(({ f1 }) => f1),
      ),
      {
        ...scores(
          'AP',
          shown.map(({ averagePrecision }) => averagePrecision),
        ),
        optional: true,
      },
      {
        ...scores(
          'AUC',
          shown.map(({ auc }) => auc),
        ),
        optional: true,
      },
    ],
    width,
  );
  const note = `only the ${shown.length} of ${reports.length} classes with the lowest F1`;
  return withNote(text, shown.length < reports.length ? note : '');
}

/**
 * The confusion matrix, true classes in rows, predictions in columns; where it does not fit, the most frequent confusions.
 * For multi-label data, correct and wrong predictions of each label; of many labels those with most errors.
 */
export function confusionTable(names: readonly string[], confusion: Confusion, width: number): string {
  if (confusion.task === 'multilabel') return labelTable(names, confusion.counts);
  const { counts } = confusion;
  if (names.length <= MAX_CLASSES) {
    const columns = names.map((name, label): Column => {
      const cells = counts.map((row) => String(row[label]));
      return { title: printable(name, SHORT_NAME), cells, right: true };
    });
    const { text, fits } = drawTable([{ title: 'true \\ predicted', cells: [...names] }, ...columns], width);
    if (fits) return text;
  }
  const pairs = counts
    .flatMap((row, actual) => row.map((count, predicted) => ({ actual, predicted, count })))
    .filter(({ actual, predicted, count }) => actual !== predicted && count > 0)
    .sort((a, b) => b.count - a.count);
  const shown = pairs.slice(0, MAX_CONFUSIONS);
  const { text } = drawTable(
    [
      { title: 'true class', cells: shown.map(({ actual }) => names[actual]) },
      { title: 'predicted', cells: shown.map(({ predicted }) => names[predicted]) },
      { title: 'images', cells: shown.map(({ count }) => String(count)), right: true },
    ],
    width,
  );
  return withNote(
    text,
    `the ${shown.length} most frequent of ${counted(pairs.length, 'confusion')}; a matrix of ${names.length} classes does not fit`,
  );
}

/** Characters of a class name above its column. */
const SHORT_NAME = 10;

function labelTable(
  names: readonly string[],
  counts: readonly [[number, number], [number, number]][],
): string {
  const all = names.map((name, label) => ({ name, cells: counts[label] }));
  const wrong = ({ cells }: (typeof all)[number]) => cells[0][1] + cells[1][0];
  const rows = all.length > MAX_CLASSES ? all.sort((a, b) => wrong(b) - wrong(a)).slice(0, MAX_CLASSES) : all;
  const column = (title: string, actual: 0 | 1, predicted: 0 | 1): Column => ({
    title,
    cells: rows.map(({ cells }) => String(cells[actual][predicted])),
    right: true,
  });
  const { text } = drawTable(
    [
      { title: 'label', cells: rows.map(({ name }) => name) },
      column('true positives', 1, 1),
      column('false negatives', 1, 0),
      column('false positives', 0, 1),
      column('true negatives', 0, 0),
    ],
    Number.POSITIVE_INFINITY,
  );
  const note = `only the ${rows.length} of ${names.length} labels with the most errors`;
  return withNote(text, rows.length < names.length ? note : '');
}

/** A mean with its standard deviation; of a single head the value alone. */
function withSpread(value: number | null | undefined, spread: number | null | undefined): string {
  return spread === undefined ? score(value) : `${score(value)} ± ${score(spread)}`;
}

function scores(title: string, values: readonly (number | string | null | undefined)[]): Column {
  return {
    title,
    cells: values.map((value) => (typeof value === 'string' ? value : score(value))),
    right: true,
  };
}

function withNote(text: string, note: string): string {
  return note === '' ? text : `${text}\n${note}`;
}
