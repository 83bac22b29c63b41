import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { fuzzArchive } from '../../support/fuzz/archives.ts';

const golden = (name: string) => readFileSync(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));

it.each([
  ['pax.tar', golden('pax.tar')],
  ['gnu.tar', gunzipSync(golden('gnu.tar.gz'))],
  ['gnu.tar.gz', golden('gnu.tar.gz')],
  ['wrapped.zip', golden('wrapped.zip')],
])('10,000 damaged copies of %s are read or refused', async (name, original) => {
  expect(await fuzzArchive(name, original, 10_000)).toBeGreaterThan(2000);
});
