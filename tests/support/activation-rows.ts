/** Made-up activations, and caches of them. */
import { createHash } from 'node:crypto';
import { random } from '../../src/shared/random.ts';
import type { ActivationRow } from '../../src/shared/store/activations/part.ts';
import { type ActivationPipeline, emptyManifest } from '../../src/shared/store/activations/schema.ts';
import { createActivationWriter } from '../../src/shared/store/activations/writer.ts';
import { pipeline } from './pipeline.ts';

export function activationPipeline(changes: Partial<ActivationPipeline> = {}): ActivationPipeline {
  const { poolings: _, dtype: __, ...images } = pipeline();
  const cut = { layer: 'conv4_block6_out', shape: [3, 3, 5], isHalved: false };
  return { ...images, cut, dtype: 'float16', augment: null, ...changes };
}

export const ACTIVATION_COLUMNS = [{ name: 'conv2_block3_out/avg', dimension: 4 }];

export interface MadeUpRow {
  row: ActivationRow;
  activation: Float32Array;
  features: Float32Array[];
}

/** Rows like a ReLU's output: half of the numbers are 0, and channels differ in size. */
export function madeUpRow(name: string, view = 0, shape: readonly number[] = [3, 3, 5]): MadeUpRow {
  const stream = random(0, name, view);
  const channels = shape[2];
  const length = shape[0] * shape[1] * channels;
  const activation = Float32Array.from({ length }, (_, i) =>
    Math.max(0, stream.normal() * 2 ** ((i % channels) % 6)),
  );
  const sha256 = createHash('sha256').update(name).digest('hex');
  return {
    row: { path: `${name}.jpg`, sha256, view },
    activation,
    features: [Float32Array.from({ length: 4 }, () => stream.normal())],
  };
}

/** Writes a complete cache of `count` images. */
export async function writeActivations(
  dir: string,
  count: number,
  changes: Partial<ActivationPipeline> = {},
): Promise<MadeUpRow[]> {
  const own = activationPipeline(changes);
  const writer = await createActivationWriter(dir, emptyManifest(own, ACTIVATION_COLUMNS));
  const rows = Array.from({ length: count }, (_, i) => madeUpRow(`image-${i}`, 0, own.cut.shape));
  for (const { row, activation, features } of rows) await writer.append(row, activation, features);
  await writer.finish();
  return rows;
}
