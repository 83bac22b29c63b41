/** What a manifest may say at most, and what a part must look like. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import { expect, it, vi } from 'vitest';
import { disk } from '../../../src/shared/store/files.ts';
import { decodePart } from '../../../src/shared/store/part.ts';
import { pipelineFingerprint } from '../../../src/shared/store/pipeline.ts';
import { openStore } from '../../../src/shared/store/reader.ts';
import { checkManifest } from '../../../src/shared/store/schema.ts';
import { newFolder } from '../../support/folders.ts';
import { pipeline } from '../../support/pipeline.ts';
import { COLUMNS, storeOf, writerOf } from '../../support/store-rows.ts';

const manifestIn = (dir: string) => JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));

it.each<[string, number, (manifest: ReturnType<typeof manifestIn>, value: number) => void]>([
  ['columns[0].dimension', 2 ** 24, ({ columns }, dimension) => Object.assign(columns[0], { dimension })],
  ['parts[0].bytes', 2 ** 31 - 1, ({ parts }, bytes) => Object.assign(parts[0], { bytes })],
  ['parts[0].rows', 2 ** 31 - 1, ({ parts }, rows) => Object.assign(parts[0], { rows })],
])('a manifest whose %s is beyond %i is refused for that', async (field, most, change) => {
  const dir = await storeOf(3);
  const checked = (value: number) => {
    const manifest = manifestIn(dir);
    change(manifest, value);
    return () => checkManifest(manifest, 'm.json');
  };
  expect(checked(most + 1)).toThrow(`for ${field} of m.json`);
  expect(checked(most + 1)).toThrow(String(most));
  // What is then wrong is something else: the seal, or too few bytes.
  expect(checked(most)).not.toThrow(`to ${most}`);
});

it('a pipeline is known by eight digits', () => {
  expect(pipelineFingerprint({ pipeline: pipeline(), columns: COLUMNS })).toMatch(/^[0-9a-f]{8}$/);
});

it('a finished store is said to be as its manifest says', async () => {
  const dir = newFolder();
  const manifest = await (await writerOf(dir)).finish({ failed: 3 });
  expect(manifest).toEqual((await openStore(dir)).manifest);
  expect(manifest.counts).toMatchObject({ rows: 0, failed: 3 });
});

it('a manifest that cannot be read is named, with the reason', async () => {
  const dir = newFolder();
  mkdirSync(join(dir, 'manifest.json'));
  await expect(openStore(dir)).rejects.toThrow(`Cannot read ${join(dir, 'manifest.json')}: `);
});

it('a folder that cannot be tidied is named', async () => {
  const dir = newFolder();
  const readdir = vi.spyOn(disk, 'readdir').mockRejectedValue(Object.assign(new Error(), { code: 'EIO' }));
  await expect(writerOf(dir)).rejects.toThrow(`Cannot tidy ${dir}: `);
  readdir.mockRestore();
});

/** A part's bytes, after a change of the table that they hold. */
async function partAfter(change: (table: Table) => Table): Promise<Uint8Array> {
  const table = tableFromIPC(readFileSync(join(await storeOf(3), 'part-00000.arrow')));
  return tableToIPC(change(table), 'file');
}

it.each<[string, (table: Table) => Table]>([
  ['of two batches', (table) => table.concat(table)],
  ['without a column', (table) => table.select(table.schema.names.slice(1))],
  ['of other columns', (table) => table.select([...table.schema.names].reverse())],
])('a part %s is refused', async (_, change) => {
  const bytes = await partAfter(change);
  expect(() => decodePart(bytes, COLUMNS, 'float32', 'part')).toThrow(
    'Expected one batch of the columns path,',
  );
});

it('a part has no column with gaps but those that may be unknown', async () => {
  const { schema } = tableFromIPC(await partAfter((table) => table));
  const nullable = schema.fields.filter((field) => field.nullable).map(({ name }) => name);
  expect(nullable).toEqual(['split', 'group', 'phash']);
});

it('a store without its manifest is none', async () => {
  const dir = await storeOf(2);
  rmSync(join(dir, 'manifest.json'));
  writeFileSync(join(dir, 'mine.txt'), '');
  await expect(openStore(dir)).rejects.toThrow(dir);
});
