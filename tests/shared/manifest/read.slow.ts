/** A manifest larger than memory. */
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readManifest } from '../../../src/shared/manifest/read.ts';
import { silent } from '../../../src/shared/reporter.ts';

it('a manifest of 10 million rows passes through in the memory of a few', async () => {
  const PIECE = 10_000;
  const pieces = function* () {
    yield 'path,label\n';
    for (let start = 0; start < 10_000_000; start += PIECE) {
      let text = '';
      for (let i = start; i < start + PIECE; i++) text += `folder/of/photos/${i}.jpg,${i % 10}\n`;
      yield text;
    }
  };
  let rows = 0;
  let most = 0;
  for await (const { path } of readManifest('large.csv', Readable.from(pieces()), {}, silent)) {
    rows++;
    if (rows % 100_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
    if (rows === 10_000_000) expect(path).toBe('folder/of/photos/9999999.jpg');
  }
  expect(rows).toBe(10_000_000);
  // All rows together would be more than 1 GB.
  expect(most).toBeLessThan(300e6);
});
