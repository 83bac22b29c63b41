import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openActivationFolder } from '../../../../src/shared/store/activations/folder.ts';
import { openActivations } from '../../../../src/shared/store/activations/reader.ts';
import { ACTIVATION_DTYPES } from '../../../../src/shared/store/activations/request.ts';
import {
  type ActivationPipeline,
  expectedBytes,
  layoutOf,
  readActivationManifest,
} from '../../../../src/shared/store/activations/schema.ts';
import { requestOf } from '../../../../src/shared/store/activations/stored.ts';
import {
  ACTIVATION_COLUMNS,
  activationPipeline,
  type MadeUpRow,
  madeUpRow,
  writeActivations,
} from '../../../support/activation-rows.ts';
import { newFolder } from '../../../support/folders.ts';

const columns = ACTIVATION_COLUMNS;

/** What a reader gives of rows. */
async function readBack(dir: string, pipeline: ActivationPipeline, rows: readonly MadeUpRow[]) {
  const { parts, close } = await openActivationFolder(dir, { pipeline, columns });
  await close();
  const reader = openActivations(structuredClone(requestOf(layoutOf({ pipeline, columns }), parts)));
  const wanted = Int32Array.from(rows, ({ row }) => reader.rowOf(row.sha256, row.view)!);
  const activations = new Float32Array(rows.length * rows[0].activation.length);
  const features = new Float32Array(rows.length * 4);
  await reader.read(wanted, activations, wanted);
  await reader.column(columns[0].name, wanted, features);
  await reader.close();
  return { activations, features };
}

/** The largest difference, as a share of the largest number of its channel in its row. */
function largestError(found: Float32Array, rows: readonly MadeUpRow[], channels: number): number {
  const length = rows[0].activation.length;
  let largest = 0;
  for (const [r, { activation }] of rows.entries())
    for (let c = 0; c < channels; c++) {
      const own = activation.filter((_, i) => i % channels === c);
      const scale = Math.max(...own.map(Math.abs), 1e-30);
      for (const [i, value] of own.entries())
        largest = Math.max(largest, Math.abs(value - found[r * length + i * channels + c]) / scale);
    }
  return largest;
}

describe('cached activations', () => {
  const ERRORS = { float32: 0, float16: 2 ** -11, int8: 0.5 / 127 + 2 ** -11 };
  for (const dtype of ACTIVATION_DTYPES) {
    it(`in ${dtype} are read as they were written, to the dtype's rounding`, async () => {
      const dir = newFolder();
      const rows = await writeActivations(dir, 20, { dtype });
      const { activations, features } = await readBack(dir, activationPipeline({ dtype }), rows.toReversed());
      expect(largestError(activations, rows.toReversed(), 5)).toBeLessThanOrEqual(ERRORS[dtype]);
      expect([...features]).toEqual(rows.toReversed().flatMap((row) => [...row.features[0]]));
    });

    it(`in ${dtype} take the bytes that were predicted, to 1 %`, async () => {
      const dir = newFolder();
      const cut = { layer: 'cut', shape: [7, 7, 24], isHalved: false };
      const rows = await writeActivations(dir, 300, { dtype, cut });
      const parts = readdirSync(dir).filter((name) => name.startsWith('part-'));
      const bytes = parts.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
      const paths = rows.reduce((sum, { row }) => sum + row.path.length, 0);
      const layout = layoutOf({ pipeline: activationPipeline({ dtype, cut }), columns });
      const predicted = expectedBytes(layout, { rows: rows.length, parts: parts.length, paths });
      expect(Math.abs(predicted / bytes - 1)).toBeLessThan(0.01);
    });
  }

  it('of one pipeline are never used for another', async () => {
    const dir = newFolder();
    await writeActivations(dir, 2);
    const own = activationPipeline();
    const others: [string, Partial<ActivationPipeline>][] = [
      ['backbone', { backbone: 'vgg16' }],
      ['weights', { weightsHash: 'b'.repeat(64) }],
      ['size', { size: { width: 160, height: 224 } }],
      ['preprocessing', { preprocessing: 'torch' }],
      ['resize', { resize: 'nearest' }],
      ['precision', { precision: 'int8' }],
      ['maths', { maths: own.maths + 1 }],
      ['cut', { cut: { ...own.cut, layer: 'conv4_block5_out' } }],
      ['cut', { cut: { ...own.cut, shape: [5, 3, 3] } }],
      ['cut', { cut: { ...own.cut, isHalved: true } }],
      ['dtype', { dtype: 'int8' }],
      ['views', { augment: 'flip;seed=0' }],
    ];
    for (const [field, changes] of others) {
      await expect(
        openActivationFolder(dir, { pipeline: activationPipeline(changes), columns }),
        field,
      ).rejects.toThrow(
        new RegExp(
          `^${dir} holds activations that were computed differently: ${field}.*there: .*delete that folder$`,
        ),
      );
    }
    await expect(openActivationFolder(dir, { pipeline: own, columns: [] })).rejects.toThrow(
      'features none (there: conv2_block3_out/avg[4])',
    );
    const traces = { weights: 'a.h5', version: '9', engine: { name: 'tensorflow', version: '9' } };
    const { has, close } = await openActivationFolder(dir, {
      pipeline: activationPipeline(traces),
      columns,
    });
    await close();
    expect(has(madeUpRow('image-1').row)).toBe(true);
  });

  it('are there after a flush, and not yet complete', async () => {
    const dir = newFolder();
    const origin = { pipeline: activationPipeline(), columns };
    const { startWriting, close } = await openActivationFolder(dir, origin);
    const writer = await startWriting(origin.pipeline.engine);
    const { row, activation, features } = madeUpRow('image-0', 3);
    expect(writer.has(row)).toBe(false);
    await writer.append(row, activation, features);
    expect(writer.has(row)).toBe(true);
    await writer.flush();
    await close();
    expect(await readActivationManifest(dir)).toMatchObject({ complete: false, counts: { rows: 1 } });
    const again = await openActivationFolder(dir, origin);
    expect(again.has(row)).toBe(true);
    expect(again.has({ ...row, view: 2 })).toBe(false);
    await again.close();
  });

  it('of numbers that cannot be stored are refused by name', async () => {
    const put = async (dtype: 'float16' | 'float32' | 'int8', value: number) => {
      const pipeline = activationPipeline({ dtype });
      const { startWriting, close } = await openActivationFolder(newFolder(), { pipeline, columns });
      const writer = await startWriting(pipeline.engine);
      const { row, activation, features } = madeUpRow('image-0', 1);
      activation[7] = value;
      await writer.append(row, activation, features).finally(close);
    };
    await expect(put('float16', 70_000)).rejects.toThrow(
      'Expected activations of view 1 of image-0.jpg below 65520 for --cache-dtype float16 but received 70000: use float32',
    );
    await expect(put('int8', 1e7)).rejects.toThrow('for --cache-dtype int8 but received 10000000');
    await put('int8', -1e6);
    await put('float32', 1e30);
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY])
      await expect(put('float32', value)).rejects.toThrow(
        'Expected finite activations of view 1 of image-0.jpg but received NaN or infinity: are the weights right?',
      );
  });
});
