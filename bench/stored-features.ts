/** Features that the built command computes, for benches that compare them. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { asObject } from '../src/shared/fields.ts';
import { openStore } from '../src/shared/store/reader.ts';

const PROGRAM = fileURLToPath(new URL('../dist/permafrost.js', import.meta.url));

/** The summary of a command. */
export function permafrost(args: string[]): Record<string, unknown> {
  const options = { encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args, '--json'], options);
  if (status !== 0) throw new Error(stderr);
  return asObject(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), 'the summary');
}

/** The `avg` features of a store by path without its extension. */
export async function storedFeatures(dir: string): Promise<Map<string, Float32Array>> {
  const rows = new Map<string, Float32Array>();
  const store = await openStore(dir);
  const [{ name, dimension }] = store.columns;
  for await (const { paths, features: columns } of store.parts()) {
    paths.forEach((path, row) => {
      rows.set(path.replace(/\.\w+$/, ''), columns.get(name)!.slice(row * dimension, (row + 1) * dimension));
    });
  }
  return rows;
}

/** |x - y| / |y|. */
export function relativeDistance(x: Float32Array, y: Float32Array): number {
  return Math.hypot(...x.map((value, index) => value - y[index])) / Math.hypot(...y);
}
