/** history.arrow: every epoch of every head, for plots and for pyarrow, polars and DuckDB. */
import { Float64, Int32, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import { METRICS } from '../head/config.ts';
import type { HeadResult } from '../training/result.ts';

/**
 * The bytes of history.arrow, in Arrow IPC file format. Columns: `head` utf8, `epoch` int32, `lr` and `trainLoss`
 * float64, and a nullable float64 `val<Metric>` (`valLoss`, `valBalancedAccuracy`) for each metric any epoch has.
 */
export function historyArrow(results: readonly HeadResult[]): Uint8Array {
  const rows = results.flatMap(({ id, history }) => history.map((record) => ({ head: id, ...record })));
  const floats = (values: (number | null)[]) => vectorFromArray(values, new Float64());
  const metrics = METRICS.filter((name) => rows.some(({ val }) => name in val));
  const table = new Table({
    head: vectorFromArray(
      rows.map(({ head }) => head),
      new Utf8(),
    ),
    epoch: vectorFromArray(
      rows.map(({ epoch }) => epoch),
      new Int32(),
    ),
    lr: floats(rows.map(({ lr }) => lr)),
    trainLoss: floats(rows.map(({ trainLoss }) => trainLoss)),
    ...Object.fromEntries(
      metrics.map((name) => [
        `val${name[0].toUpperCase()}${name.slice(1)}`,
        floats(rows.map(({ val }) => val[name] ?? null)),
      ]),
    ),
  });
  return tableToIPC(table, 'file');
}
