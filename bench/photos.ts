/**
 * `npm run bench:photos -- PHOTOS [SIDE [COUNT]]`: what decoding photos of several sizes costs, and how far their pixels and features are
 * from those of photos that Pillow decoded whole and resized. PHOTOS: class folders of .jpg, which are enlarged. The figures of
 * docs/resizing.md. PERMAFROST_KERAS_PYTHON (default: python3) needs Pillow and numpy.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { decodeImage } from '../src/shared/images/decode.ts';
import { median } from './report.ts';
import { permafrost, relativeDistance, storedFeatures } from './stored-features.ts';

const PEER = fileURLToPath(new URL('peers/enlarged_photos.py', import.meta.url));
const PYTHON = process.env.PERMAFROST_KERAS_PYTHON ?? 'python3';
const ROUNDS = 3;
/** Features, and by which weights. */
const BACKBONES = [
  ['efficientnet_lite0', 'imagenet'],
  ['resnet50', 'none'],
];

/** CPU milliseconds of this process. */
function coreMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The least that decoding a photo of a folder costs over some rounds; the pixels are written to `out`. */
async function decodeAll(folder: string, out: string, side: number): Promise<number> {
  const size = { width: side, height: side };
  const names = await readdir(folder);
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  await mkdir(out, { recursive: true });
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = coreMs();
    for (const file of files) await decodeImage(file, size);
    costs.push((coreMs() - started) / files.length);
  }
  for (const [i, file] of files.entries()) {
    const pixels = await decodeImage(file, size);
    const png = sharp(pixels, { raw: { ...size, channels: 3 } }).png({ compressionLevel: 1 });
    await png.toFile(join(out, names[i].replace('.jpg', '.png')));
  }
  return Math.min(...costs);
}

/** Mean grey levels between two folders of PNGs. */
async function greyError(ours: string, pillow: string): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const name of await readdir(pillow)) {
    const [a, b] = await Promise.all(
      [ours, pillow].map((folder) => sharp(join(folder, name)).raw().toBuffer()),
    );
    for (const [index, value] of a.entries()) sum += Math.abs(value - b[index]);
    count += a.length;
  }
  return sum / count;
}

/** The median relative difference of features. */
async function featureDifference(
  folder: string,
  side: number,
  [backbone, weights]: string[],
): Promise<number> {
  const stores = ['ours', 'pillow'].map((pixels) => {
    const out = join(folder, `${backbone}-${pixels}`);
    const what = ['--backbone', backbone, '--weights', weights, '--size', `${side}x${side}`];
    permafrost(['extract', '--data', join(folder, pixels), '--out', out, ...what]);
    return out;
  });
  const [ours, pillow] = await Promise.all(stores.map(storedFeatures));
  return median([...pillow].map(([path, row]) => relativeDistance(ours.get(path)!, row)));
}

const [photos, side = '224', count = '12'] = process.argv.slice(2);
if (photos === undefined) throw new Error('npm run bench:photos -- PHOTOS [SIDE [COUNT]]');
const scratch = await mkdtemp(join(tmpdir(), 'permafrost-photos-'));
try {
  const { status, stderr } = spawnSync(PYTHON, [PEER, photos, scratch, count, side], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  for (const name of (await readdir(scratch)).sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  )) {
    const folder = join(scratch, name);
    const [ours, pillow] = ['ours', 'pillow'].map((pixels) => join(folder, pixels, 'all'));
    const cost = await decodeAll(join(folder, 'jpeg', 'all'), ours, Number(side));
    const grey = await greyError(ours, pillow);
    const features: string[] = [];
    for (const backbone of BACKBONES) {
      const difference = await featureDifference(folder, Number(side), backbone);
      features.push(`${backbone[0]} ${(100 * difference).toFixed(2)} %`);
    }
    console.log(
      `${name.padEnd(18)} ${cost.toFixed(1)} core-ms, grey ${grey.toFixed(3)}, ${features.join(', ')}`,
    );
  }
} finally {
  await rm(scratch, { recursive: true });
}
