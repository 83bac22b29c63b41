/**
 * `npm run bench:resizing -- PHOTOS [DATA ...]`: how far features of a resized photo are from those of photos that
 * Pillow and TensorFlow resized (PHOTOS: class folders of .jpg; - for none), and what linear heads make of each way of resizing on
 * each DATA. The figures of docs/resizing.md. PERMAFROST_KERAS_PYTHON (default: python3) needs tensorflow and Pillow.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asObject } from '../src/shared/fields.ts';
import { permafrost, relativeDistance, storedFeatures } from './stored-features.ts';

const PEER = fileURLToPath(new URL('peers/resized_photos.py', import.meta.url));
const PYTHON = process.env.PERMAFROST_KERAS_PYTHON ?? 'python3';
const SIDE = 224;
const SEEDS = [0, 1, 2];

/** Ways of resizing, as `fit interpolation`, and who else does nearly the same. */
const WAYS: [way: string, peers: string[]][] = [
  ['stretch bilinear', ['pil-bilinear', 'tf-bilinear', 'tf-bilinear-antialias']],
  ['stretch bicubic', ['pil-bicubic', 'tf-bicubic', 'tf-bicubic-antialias']],
  ['stretch lanczos', ['pil-lanczos', 'tf-lanczos3', 'tf-lanczos3-antialias']],
  ['stretch nearest', ['pil-nearest', 'tf-nearest']],
  ['crop bilinear', []],
  ['pad bilinear', []],
];

function extract(data: string, way: string, out: string): void {
  const [fit, interpolation] = way.split(' ');
  permafrost([
    'extract',
    '--data',
    data,
    '--out',
    out,
    '--size',
    `${SIDE}x${SIDE}`,
    '--resize',
    fit,
    '--interpolation',
    interpolation,
  ]);
}

/** Means over photos of |a - b| / |b|, and of the relative distance of one photo's b from the next one's. */
function differences(a: Map<string, Float32Array>, b: Map<string, Float32Array>): [number, number] {
  const paths = [...b.keys()];
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [
    mean(paths.map((path) => relativeDistance(a.get(path)!, b.get(path)!))),
    mean(
      paths.map((path, index) => relativeDistance(b.get(path)!, b.get(paths[(index + 1) % paths.length])!)),
    ),
  ];
}

/** The mean figure over five folds and all seeds of a linear head trained to its optimum. */
function linearHead(store: string, out: string): { metric: string; value: number } {
  const values = SEEDS.map((seed) => {
    const summary = permafrost([
      'train-head',
      '--features',
      store,
      '--out',
      join(out, `seed${seed}`),
      '--seed',
      String(seed),
      '--folds',
      '5',
      '--optimizer',
      'lbfgs',
      '--l2',
      '1e-4',
      '--normalize',
      'l2',
    ]);
    const metric = summary.task === 'multilabel' ? 'mAP' : 'accuracy';
    const best = asObject(summary.best, 'best');
    return { metric, value: Number(asObject(best.val, 'val')[metric]) };
  });
  return {
    metric: values[0].metric,
    value: values.reduce((sum, { value }) => sum + value, 0) / values.length,
  };
}

const [photos, ...data] = process.argv.slice(2);
if (photos === undefined) throw new Error('npm run bench:resizing -- PHOTOS [DATA ...]');
const scratch = await mkdtemp(join(tmpdir(), 'permafrost-resizing-'));
try {
  for (const [way, peers] of photos === '-' ? [] : WAYS) {
    const ours = join(scratch, way);
    if (peers.length > 0) extract(photos, way, ours);
    for (const peer of peers) {
      const resized = join(scratch, peer);
      const { status, stderr, error } = spawnSync(PYTHON, [PEER, photos, resized, peer, String(SIDE)], {
        encoding: 'utf8',
      });
      if (status !== 0 || !existsSync(resized)) {
        console.log(`${peer}: not measured (${error?.message ?? stderr.trim().split('\n').at(-1)})`);
        continue;
      }
      extract(resized, way, `${resized}-features`);
      const [difference, others] = differences(
        await storedFeatures(ours),
        await storedFeatures(`${resized}-features`),
      );
      console.log(
        `${way.padEnd(18)} ${peer.padEnd(24)} ${difference.toFixed(4)} (other photos: ${others.toFixed(3)})`,
      );
    }
  }
  for (const set of data) {
    for (const [way] of WAYS) {
      const store = join(scratch, `${way}-heads`);
      extract(set, way, store);
      const { metric, value } = linearHead(store, join(scratch, 'heads'));
      console.log(`${set} ${way.padEnd(18)} ${metric} ${value.toFixed(4)}`);
      await rm(store, { recursive: true });
      await rm(join(scratch, 'heads'), { recursive: true });
    }
  }
} finally {
  await rm(scratch, { recursive: true });
}
