/** A store to test with: synthetic rows whose features follow from their number. */
import { createHash } from 'node:crypto';
import type { RowRecord } from '../../src/shared/store/part-buffer.ts';
import type { Dtype } from '../../src/shared/store/schema.ts';
import { createStoreWriter, type WriterOptions } from '../../src/shared/store/writer.ts';
import { newFolder } from './folders.ts';
import { pipeline } from './pipeline.ts';

export const COLUMNS = [
  { name: 'avg', dimension: 3 },
  { name: 'max', dimension: 2 },
];

export function row(number: number): { record: RowRecord; features: Float32Array[] } {
  return {
    record: {
      path: `class/${number}.jpg`,
      sha256: createHash('sha256').update(String(number)).digest('hex'),
      labels: number % 3 === 0 ? [] : number % 3 === 1 ? ['a'] : ['a', 'b'],
      split: ([null, 'train', 'val', 'test'] as const)[number % 4],
      view: 0,
      group: number % 2 === 0 ? null : `group ${number % 5}`,
    },
    features: [Float32Array.of(number, number + 0.25, -number), Float32Array.of(number * 2, 0.5)],
  };
}

export function writerOf(dir: string, options: WriterOptions = {}, dtype: Dtype = 'float32') {
  return createStoreWriter(
    dir,
    { pipeline: pipeline(dtype), classes: ['a', 'b'], columns: COLUMNS, images: 10 },
    options,
  );
}

/** A finished store of rows 0 to `count` - 1, `partRows` rows a part. */
export async function storeOf(count: number, partRows = 4): Promise<string> {
  const dir = newFolder();
  const writer = await writerOf(dir, { partBytes: partRows * 20 });
  for (let i = 0; i < count; i++) {
    const { record, features } = row(i);
    await writer.append(record, features);
  }
  await writer.finish({ failed: 0 });
  return dir;
}
