/** Names of classes and files through every file that the commands write. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { readHead } from '../src/shared/head/record.ts';
import { labelReader } from '../src/shared/manifest/labels.ts';
import { openStore } from '../src/shared/store/reader.ts';
import { photo } from './support/class-folders.ts';
import { NAMES } from './support/class-names.ts';
import { permafrost } from './support/command.ts';
import { newFolder } from './support/folders.ts';

/** As folders may be called, and stay apart in any letter case and Unicode form. */
const CLASSES = NAMES.filter((name) => !/[/\u2028<]|^(p_x|labels|None|NA|1)$/.test(name));

it('come out of extract, train-head, predict and export as they went in', async () => {
  const data = newFolder();
  const cwd = newFolder();
  const paths: string[] = [];
  for (const [index, name] of CLASSES.entries()) {
    mkdirSync(join(data, name));
    for (let i = 0; i < 3; i++) {
      const path = `${name}/=${i}, "photo" ${name}.jpg`;
      paths.push(path);
      writeFileSync(join(data, path), await photo(3 * index + i));
    }
  }
  writeFileSync(join(data, '=cmd|calc', '@broken,"\n".jpg'), 'no image');
  const done = async (...args: string[]) => {
    const outcome = await permafrost(args, { cwd });
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
    expect([outcome.status, args[0], outcome.stderr.slice(-500)]).toEqual([0, args[0], expect.anything()]);
    return outcome;
  };
  const sorted = [...CLASSES].sort();
  const flags = ['--backbone', 'mobilenet_0.25', '--weights', 'none', '--size', '32x32', '--out', 'store'];
  await done('extract', '--data', data, ...flags);
  const [failure] = readFileSync(join(cwd, 'store/errors.jsonl'), 'utf8').trimEnd().split('\n');
  expect(JSON.parse(failure).path).toBe('=cmd|calc/@broken,"\n".jpg');
  const store = await openStore(join(cwd, 'store'));
  expect(store.manifest.classes).toEqual(sorted);
  const labels = new Map<string, readonly string[]>();
  for await (const part of store.parts())
    for (const [row, path] of part.paths.entries()) labels.set(path, part.labels[row]);
  expect([...labels.keys()].sort()).toEqual([...paths].sort());
  for (const [path, [label]] of labels) expect(path.startsWith(`${label}/`)).toBe(true);

  const train = [
    'train-head',
    '--features',
    'store',
    '--epochs',
    '1',
    '--stable-split',
    '--split',
    '80/20/0',
  ];
  const first = await done(...train, '--out', 'run', '--json');
  expect(first.summary.classes).toEqual(sorted);
  const { record } = await readHead(join(cwd, 'run/best'));
  expect(record.classes).toEqual(sorted);
  const metrics = JSON.parse(readFileSync(join(cwd, 'run/metrics.json'), 'utf8'));
  expect(metrics.classes).toEqual(sorted);
  expect(metrics.perClass.map((row: { name: string }) => row.name)).toEqual(sorted);
  const rows: Record<string, string>[] = parse(readFileSync(join(cwd, 'run/predictions.csv')), {
    columns: true,
  });
  const reader = labelReader();
  expect(new Map(rows.map((row) => [row.path, reader.read(row.labels, '')]))).toEqual(labels);
  expect(Object.keys(rows[0]).slice(4)).toEqual(sorted.map((name) => `p_${name}`));
  const report = readFileSync(join(cwd, 'run/report.html'), 'utf8');
  const [, embedded] = /<script id="data" type="application\/json">(.*?)<\/script>/s.exec(report)!;
  expect(JSON.parse(embedded).classes).toEqual(sorted);

  // What was written is taken as labels.
  const again = ['--labels', 'run/predictions.csv', '--label-column', 'labels', '--out', 'again', '--json'];
  expect((await done(...train, ...again)).summary.classes).toEqual(sorted);

  await done(
    'predict',
    '--head',
    'run/best',
    data,
    '--format',
    'arrow',
    '--out',
    'p.arrow',
    '--weights',
    'none',
  );
  const table = tableFromIPC(readFileSync(join(cwd, 'p.arrow')));
  expect([...table.getChild('path')!].sort()).toEqual(paths.map((path) => join(data, path)).sort());
  expect(table.schema.fields.slice(2).map(({ name }) => name)).toEqual(sorted.map((name) => `p_${name}`));
  await done('predict', '--head', 'run/best', data, '--format', 'csv', '--out', 'p.csv', '--weights', 'none');
  const [header, ...lines]: string[][] = parse(readFileSync(join(cwd, 'p.csv')));
  expect(header.slice(2)).toEqual(sorted.map((name) => `p_${name}`));
  expect(lines.map(([path]) => path).sort()).toEqual(paths.map((path) => join(data, path)).sort());
  await done('export', '--head', 'run/best', '--format', 'tfjs', '--out', 'web');
  const model = JSON.parse(readFileSync(join(cwd, 'web/model.json'), 'utf8'));
  expect(JSON.stringify(model.userDefinedMetadata)).toContain(JSON.stringify(sorted).slice(1, -1));
});
