/** Sample weights in a feature store. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { expect, it } from 'vitest';
import { openStore } from '../../../src/shared/store/reader.ts';
import { readStoredParts } from '../../../src/shared/store/stored-parts.ts';
import { newFolder } from '../../support/folders.ts';
import { row, storeOf, writerOf } from '../../support/store-rows.ts';

/** The weights of each part, null where it has no such column. */
async function weightsOf(dir: string): Promise<(number[] | null)[]> {
  const found: (number[] | null)[] = [];
  for await (const { weights } of (await openStore(dir)).parts()) found.push(weights && [...weights]);
  return found;
}

/** Writes four rows, two a part, with the weights given. */
async function written(dir: string, weights: (number | undefined)[]): Promise<void> {
  const rows = weights.map((weight, i) => ({ ...row(i).record, ...(weight !== undefined && { weight }) }));
  const { storedParts } = await openStore(dir)
    .then(({ manifest }) => readStoredParts(dir, manifest))
    .catch(() => ({ storedParts: [] }));
  const writer = await writerOf(dir, { partBytes: 40, storedParts });
  for (const [i, record] of rows.entries())
    if (!writer.has(record)) await writer.append(record, row(i).features);
  await writer.finish({ rows, failed: 0 });
}

it('are a float32 column before the features, in every part or in none', async () => {
  const dir = newFolder();
  await written(dir, [0.5, 0, 2, 1]);
  expect(await weightsOf(dir)).toEqual([
    [0.5, 0],
    [2, 1],
  ]);
  const { parts } = (await openStore(dir)).manifest;
  const { fields } = tableFromIPC(readFileSync(join(dir, parts[0].file))).schema;
  expect(fields.map(({ name, type }) => `${name} ${type}`)).toContain('weight Float32');
  expect(await weightsOf(await storeOf(4, 2))).toEqual([null, null]);
});

it('come, change and go without the features being computed again', async () => {
  const dir = newFolder();
  await written(dir, [undefined, undefined, undefined, undefined]);
  await written(dir, [undefined, undefined, undefined, 3]);
  expect(await weightsOf(dir)).toEqual([
    [1, 1],
    [1, 3],
  ]);
  await written(dir, [undefined, undefined, undefined, 4]);
  expect((await weightsOf(dir)).flat()).toEqual([1, 1, 1, 4]);
  await written(dir, [undefined, undefined, undefined, undefined]);
  expect(await weightsOf(dir)).toEqual([null, null]);
});
