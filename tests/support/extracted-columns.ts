/** Extracts some columns of twelve small images, interrupted or to its end. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect } from 'vitest';
import { openDataset } from '../../src/extract/dataset/dataset.ts';
import type { Extraction } from '../../src/extract/extract.ts';
import { silent } from '../../src/shared/reporter.ts';
import { openStore } from '../../src/shared/store/reader.ts';
import { newFolder } from './folders.ts';

const library: typeof import('../../src/extract/extract.ts') = await import(
  new URL('../../dist/extract/extract.js', import.meta.url).href
);

export const COUNT = 12;
export const data = join(newFolder(), 'photos');
export const DEPTH = 'conv_pw_5_relu/avg';

beforeAll(async () => {
  for (let i = 0; i < COUNT; i++) {
    const folder = join(data, 'ab'[i % 2]);
    mkdirSync(folder, { recursive: true });
    const pixels = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, at) => (at * (i + 3) + i * 50) % 256));
    await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } }).toFile(join(folder, `${i}.png`));
  }
});

/** Runs extract for some columns; `stopAfter` images it is interrupted. */
export async function extract(
  out: string,
  poolings: string[],
  { stopAfter, ...changes }: Partial<Extraction> & { stopAfter?: number } = {},
) {
  const dataset = await openDataset({ data });
  const size = { width: 32, height: 32 };
  const backbone = { name: 'mobilenet_0.25', weights: 'none', engine: 'auto', size, poolings };
  const abort = new AbortController();
  const said: string[] = [];
  const tell = (message: string) => void said.push(message);
  let done = 0;
  const advance = (rows: number) => {
    done += rows;
    if (done === stopAfter) abort.abort(new Error('enough'));
  };
  const reporter = { ...silent, info: tell, warn: tell, progress: () => ({ advance, stop: () => {} }) };
  const run = library.extract(
    {
      dataset,
      jobs: [{ backbone, out }],
      dtype: 'float32',
      batchSize: 2,
      concurrency: 2,
      onError: 'skip',
      ...changes,
    },
    { signal: abort.signal, reporter },
  );
  if (stopAfter !== undefined) {
    await expect(run).rejects.toThrow('enough');
    return { said, summary: undefined };
  }
  const [summary] = await run;
  return { said, summary };
}

/** Each image's features by column. */
export async function features(out: string): Promise<Map<string, number[]>> {
  const all = new Map<string, number[]>();
  for await (const part of (await openStore(out)).parts())
    for (const [name, values] of part.features) all.set(name, [...(all.get(name) ?? []), ...values]);
  return all;
}
