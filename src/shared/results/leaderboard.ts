/** leaderboard.csv: one line per configuration, the best first. */

import { type CsvOptions, csvLine } from '../csv-line.ts';
import { SOURCE_KEYS } from '../dataset/source-options.ts';
import { METRICS, type MetricName } from '../head/config.ts';
import { settingColumns } from '../head/setting-columns.ts';
import { type HeadResult, rankResults } from '../training/result.ts';

/**
 * The text of leaderboard.csv: rank, id, status, the head's options, and those of tails if any has one, as a grid would write them, `val_<metric>` and
 * `test_<metric>` for the metrics any head has, epochs_run (`epochs` is the option), best_epoch, seconds. Where
 * configurations have several heads (seeds, folds), validation metrics and epochs are means, and `runs` and
 * `val_<metric>_std` are added; where sources compete, `features` and `pooling`. `dropped` is the status of a head that
 * halving ended after `epochs_run`. `val_<metric>_low` and `val_<metric>_high` bound the ranking metric of the best lines
 * (95 %, bootstrap over the validation rows); `tied` says whether the line can be told from the first.
 * @param metric the validation metric that ranks the heads
 */
export function leaderboardCsv(
  results: readonly HeadResult[],
  metric: MetricName,
  csv: CsvOptions = {},
): string {
  const valMetrics = METRICS.filter((name) => results.some(({ val }) => name in val));
  const testMetrics = METRICS.filter((name) => results.some(({ test }) => test && name in test));
  const settings = settingColumns(results.map(({ config }) => config));
  const sourced = results.some(({ source }) => source !== undefined);
  const repeated = results.some(({ runs }) => runs !== undefined);
  const compared = results.some(({ interval }) => interval !== undefined);
  const header = [
    'rank',
    'id',
    'status',
    ...(sourced ? SOURCE_KEYS : []),
    ...settings.map(({ name }) => name),
    ...valMetrics.map((name) => `val_${name}`),
    ...testMetrics.map((name) => `test_${name}`),
    'epochs_run',
    'best_epoch',
    'seconds',
    ...(compared ? [`val_${metric}_low`, `val_${metric}_high`, 'tied'] : []),
    ...(repeated ? ['runs', ...valMetrics.map((name) => `val_${name}_std`)] : []),
  ];
  const lines = rankResults(results, metric).map((result, index) =>
    csvLine(
      [
        index + 1,
        result.id,
        result.status,
        ...(sourced ? SOURCE_KEYS.map((key) => result.source?.[key]) : []),
        ...settings.map(({ written }) => written(result.config)),
        ...valMetrics.map((name) => result.val[name]),
        ...testMetrics.map((name) => result.test?.[name]),
        result.epochs,
        result.bestEpoch,
        result.seconds,
        ...(compared
          ? [
              result.interval?.low,
              result.interval?.high,
              result.tied === undefined ? null : String(result.tied),
            ]
          : []),
        ...(repeated ? [result.runs ?? 1, ...valMetrics.map((name) => result.spread?.[name])] : []),
      ],
      csv,
    ),
  );
  return csvLine(header, csv) + lines.join('');
}
