/** What permafrost makes of a Keras file, and how far that is from what Keras does. */
import { expect } from 'vitest';
import { loadBackbone } from '../../src/shared/backbones/load.ts';
import { loadEngine } from '../../src/shared/engines/engine.ts';
import type { Size } from '../../src/shared/images/resize.ts';
import { type FileOptions, writeKerasFile } from './keras-models.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

interface KerasFile {
  path: string;
  backbone: string;
  size: Size;
  /** Filled with what is said of the file. */
  notes: string[];
}

/** Average-pooled features of the two photos that Keras is given too. */
export async function kerasFeatures({ path, backbone, size, notes }: KerasFile): Promise<number[][]> {
  const engine = await loadEngine('onnxruntime');
  const { graph } = await loadBackbone({
    name: backbone,
    weights: path,
    size,
    poolings: ['avg'],
    note: (text) => notes.push(text),
  });
  const program = await engine.compile(graph);
  const photos = ([0, 1] as const).map((number) => syntheticPhoto(number, size.width, size.height));
  const { avg } = await program.run({ pixels: Buffer.concat(photos) });
  await program.release();
  return [[...avg.subarray(0, avg.length / 2)], [...avg.subarray(avg.length / 2)]];
}

/** The larger relative difference of two photos' features. */
export function difference(found: number[][], expected: number[][]): number {
  const norm = (row: number[]) => Math.hypot(...row);
  expect(found.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  return Math.max(
    ...expected.map((row, index) => norm(row.map((value, i) => value - found[index][i])) / norm(row)),
  );
}

/** Writes and loads a file of weights alone; its notes but for the last, which says that it is one. */
export async function loadWeights({ size, ...file }: FileOptions & { size: Size }) {
  const { path, backbone } = file;
  const notes: string[] = [];
  await writeKerasFile(file);
  const { preprocessing } = await loadBackbone({
    name: backbone,
    weights: path,
    size,
    poolings: ['avg'],
    note: (text) => notes.push(text),
  });
  const [assumed, ...others] = notes.toReversed();
  expect(assumed).toMatch(
    new RegExp(
      `^${path} has weights only: they are treated as those of ${backbone} as Keras Applications builds`,
    ),
  );
  return { preprocessing, notes: others };
}
