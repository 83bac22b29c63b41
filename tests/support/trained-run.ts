/** A run of train-head on photos that it takes seconds to extract: what a fine-tuning begins with. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type BackboneOptions, extract, type HeadRequest, trainHeads } from '../../src/index.ts';
import { random } from '../../src/shared/random.ts';
import { newFolder } from './folders.ts';

const SIDE = 32;

export interface TrainedRun {
  photos: string;
  store: string;
  /** The head's folder. */
  head: string;
}

/** Horizontal stripes in class a, vertical ones in b, with noise that hides many of them. */
async function stripedPhotos(count: number): Promise<string> {
  const root = join(newFolder(), 'photos');
  for (let i = 0; i < count; i++) {
    const stream = random(i, 'stripes');
    const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => {
      const [x, y] = [Math.floor(at / 3) % SIDE, Math.floor(at / 3 / SIDE)];
      return 128 + ((i % 2 === 0 ? y : x) % 8 < 4 ? 30 : -30) + 40 * stream.normal();
    });
    const folder = join(root, 'ab'[i % 2]);
    mkdirSync(folder, { recursive: true });
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toFile(join(folder, `photo-${i}.png`));
  }
  return root;
}

/** A linear head on the shipped backbone. */
export async function trainedRun({
  count = 60,
  head = {},
  ...backbone
}: { count?: number; head?: Partial<HeadRequest> } & Partial<BackboneOptions> = {}): Promise<TrainedRun> {
  const photos = await stripedPhotos(count);
  const root = join(photos, '..');
  const store = join(root, 'store');
  const size = { width: SIDE, height: SIDE };
  await extract({
    data: photos,
    out: store,
    backbone: { name: 'efficientnet_lite0', layers: ['last'], size, ...backbone },
  });
  const out = join(root, 'run');
  await trainHeads({
    source: { features: [store] },
    out,
    report: false,
    workers: 1,
    head: { epochs: 5, ...head },
  });
  return { photos, store, head: join(out, 'best') };
}
