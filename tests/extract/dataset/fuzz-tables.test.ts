/** Tables whose bytes changed: each is read, refused by name, or read but for an image that is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openDataset } from '../../../src/extract/dataset/dataset.ts';
import { random } from '../../../src/shared/random.ts';
import { newFolder } from '../../support/folders.ts';
import { fuzzBytes } from '../../support/fuzz/bytes.ts';

const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const folder = newFolder();

// Among these are a parquet file whose pages lie beyond its end, and an Arrow file that claims billions of rows.
it.each(['images.parquet', 'images.arrow'])('300 damaged copies of %s', async (name) => {
  const [path, original] = [join(folder, name), readFileSync(golden(name))];
  const stream = random(1, name);
  let refused = 0;
  for (let index = 0; index < 300; index++) {
    writeFileSync(path, fuzzBytes(original, stream));
    const outcome: unknown = await openDataset({ data: path }).catch((thrown: unknown) => thrown);
    if (outcome instanceof Error) {
      expect(outcome, `damage ${index}: ${outcome.stack}`).toMatchObject({ name: 'InputError' });
      expect(outcome.message).toContain(name);
      refused++;
      continue;
    }
    const { images, source } = outcome as Awaited<ReturnType<typeof openDataset>>;
    for (const image of images) await source.read(image.path).catch(() => {});
    await source.close();
  }
  expect(refused).toBeGreaterThan(100);
});
