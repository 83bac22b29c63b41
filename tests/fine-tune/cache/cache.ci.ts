/** Activations of real photos: computed once, by the front of a network, and taken from the cache from then on. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CacheRequest, cacheActivations } from '../../../src/fine-tune/cache/cache.ts';
import type { WantedImage } from '../../../src/fine-tune/cache/plan.ts';
import { parseAugmentation } from '../../../src/shared/augment/augmentation.ts';
import { contentHash, createViews } from '../../../src/shared/augment/view.ts';
import { type CutBackbone, loadCutBackbone } from '../../../src/shared/backbones/cut/load.ts';
import { ACTIVATION } from '../../../src/shared/backbones/cut/split.ts';
import { loadEngine } from '../../../src/shared/engines/engine.ts';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import type { Reporter } from '../../../src/shared/reporter.ts';
import { openActivations } from '../../../src/shared/store/activations/reader.ts';
import type { ActivationsRequest } from '../../../src/shared/store/activations/request.ts';
import { readPhotoFolder } from '../../../src/shared/store/photos.ts';
import { zipOf } from '../../support/archives.ts';
import { photos } from '../../support/class-folders.ts';
import { permafrost } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';

const COUNT = 5;
const size = { width: 64, height: 48 };
const poolings = ['stem_activation/avg', 'avg'];
const options = { name: 'efficientnet_lite0', weights: 'none', size, poolings, from: 'last-block' };
const augment = parseAugmentation('2:flip,rotate=30', 0);

let cut: CutBackbone;
let folder: string;
let images: WantedImage[];

beforeAll(async () => {
  cut = await loadCutBackbone({ ...options, batchNorm: 'frozen' });
  folder = await photos(COUNT);
  images = Array.from({ length: COUNT }, (_, i) => {
    const path = `${'ab'[i % 2]}/image-${i}.jpg`;
    return { path, sha256: contentHash(readFileSync(join(folder, path))), views: 0 };
  });
});

/** What was said, in order. */
function listener(): { said: string[]; reporter: Reporter } {
  const said: string[] = [];
  const progress = () => ({ advance: () => {}, stop: () => {} });
  const say = (message: string) => void said.push(message);
  return { said, reporter: { info: say, warn: say, progress } };
}

const requestFor = (dir: string): CacheRequest => ({
  network: { ...options, engine: 'onnxruntime' },
  cut,
  images,
  augment: undefined,
  folder: dir,
  dtype: 'float16',
  maxBytes: undefined,
  maxMemory: 0,
  photos: folder,
  batchSize: 4,
  concurrency: 2,
});

const cache = (dir: string, changes: Partial<CacheRequest> = {}) => {
  const { said, reporter } = listener();
  return { said, cached: cacheActivations({ ...requestFor(dir), ...changes }, { reporter }) };
};

/** The activation and the first feature before the cut of a view of image `i`, straight from the front. */
async function expected(i: number, view: number) {
  const { path, sha256 } = images[i];
  const decoded = await decodeImage(readFileSync(join(folder, path)), size);
  const pixels = createViews(augment).pixels(decoded, size, sha256, view);
  const program = await (await loadEngine('onnxruntime')).compile(cut.front);
  const outputs = await program.run({ pixels });
  await program.release();
  return outputs;
}

async function rowOf(request: ActivationsRequest, i: number, view: number) {
  const reader = openActivations(request);
  const rows = Int32Array.of(reader.rowOf(images[i].sha256, view)!);
  const activation = new Float32Array(cut.cut.shape.reduce((a, b) => a * b, 1));
  const [column] = reader.columns;
  const feature = new Float32Array(column.dimension);
  await reader.read(rows, activation);
  await reader.column(column.name, rows, feature);
  await reader.close();
  return { activation, feature };
}

function expectClose(found: Float32Array, wanted: Float32Array, tolerance: number): void {
  const largest = Math.max(...wanted.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  for (const [i, value] of wanted.entries())
    expect(Math.abs(found[i] - value)).toBeLessThan(tolerance * largest);
}

/** Whole files, by their paths below a folder. */
function filesBelow(dir: string): Map<string, string> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(dir.length), readFileSync(path).toString('base64')]));
}

describe('cacheActivations', () => {
  const augmented = () => images.map((image, i) => ({ ...image, views: i < 2 ? 2 : 0 }));

  it('stores what the front gives for each image and view', async () => {
    const dir = newFolder();
    const { said, cached } = cache(dir, { images: augmented(), augment });
    const { request, computed, reused, bytes } = await cached;
    expect([computed, reused]).toEqual([COUNT + 4, 0]);
    for (const [i, view] of [
      [0, 0],
      [4, 0],
      [0, 1],
      [1, 2],
    ]) {
      const wanted = await expected(i, view);
      const { activation, feature } = await rowOf(request, i, view);
      expectClose(activation, wanted[ACTIVATION] as Float32Array, 1e-3);
      expectClose(feature, wanted['stem_activation/avg'] as Float32Array, 1e-5);
    }
    expect(openActivations(request).rowOf(images[4].sha256, 1)).toBeUndefined();
    const parts = [...filesBelow(dir)].filter(([name]) => name.endsWith('.arrow'));
    expect(parts.reduce((sum, [name]) => sum + statSync(join(dir, name)).size, 0)).toBe(bytes);
    expect(said).toEqual([
      expect.stringMatching(/activations of 5 images and 4 views, 2x2x192 float16, \d+\.\d kB$/),
    ]);
  });

  it('reads no photo where all is cached, and says so', async () => {
    const dir = newFolder();
    await cache(dir).cached;
    const before = filesBelow(dir);
    for (const photoFolder of [undefined, join(folder, 'gone')]) {
      const { said, cached } = cache(dir, { photos: photoFolder, maxMemory: 1e6 });
      expect(await cached).toMatchObject({ computed: 0, reused: COUNT });
      expect(said).toEqual([expect.stringMatching(/, all cached: no photo is read$/)]);
      expect((await cached).request.parts[0].bytes).toBeInstanceOf(SharedArrayBuffer);
    }
    expect(filesBelow(dir)).toEqual(before);
  });

  it('computes only what is missing: further images, then further views, in a folder of their own', async () => {
    const dir = newFolder();
    await cache(dir, { images: images.slice(0, 2) }).cached;
    const more = cache(dir);
    expect(await more.cached).toMatchObject({ computed: COUNT - 2, reused: 2 });
    expect(more.said[0]).toMatch(/; 2 cached, 3 to compute, \d+\.\d kB$/);
    const before = filesBelow(dir);
    expect(await cache(dir, { images: augmented(), augment }).cached).toMatchObject({
      computed: 4,
      reused: COUNT,
    });
    expect(readdirSync(dir)).toHaveLength(2);
    for (const [name, content] of before) expect(filesBelow(dir).get(name)).toBe(content);
  });

  it('uses no activations of another cut, dtype, size or weights', async () => {
    const dir = newFolder();
    await cache(dir).cached;
    const from = 'block6c_expand_conv';
    const deeper = await loadCutBackbone({ ...options, from, batchNorm: 'frozen' });
    const network = { ...options, engine: 'onnxruntime' };
    const others: Partial<CacheRequest>[] = [
      { cut: deeper, network: { ...network, from } },
      { dtype: 'int8' },
      { network: { ...network, resize: { fit: 'crop' } } },
      { images: augmented(), augment: parseAugmentation('2:flip', 0) },
    ];
    for (const other of others.slice(0, 3))
      expect(await cache(dir, other).cached).toMatchObject({ reused: 0, computed: COUNT });
    await cache(dir, { images: augmented(), augment }).cached;
    expect(await cache(dir, others[3]).cached).toMatchObject({ reused: COUNT, computed: 4 });
    const elsewhere = { ...cut, weightsHash: 'f'.repeat(64) };
    await expect(cache(dir, { cut: elsewhere }).cached).rejects.toThrow(
      `Expected weights with SHA-256 ${'f'.repeat(64)} for the front but received "${cut.weightsHash}"`,
    );
  });

  it('computes copies once', async () => {
    const copies = [...images, { ...images[0], path: 'a/copy.jpg' }];
    expect(await cache(newFolder(), { images: copies }).cached).toMatchObject({ computed: COUNT });
    // Of a content whose first photo is gone, another one will do.
    const first = [{ ...images[0], path: 'a/copy.jpg' }, ...images];
    expect(await cache(newFolder(), { images: first }).cached).toMatchObject({
      computed: COUNT,
      leftOut: [],
    });
  });

  it('refuses more than --max-cache, before anything is computed', async () => {
    const dir = newFolder();
    await expect(cache(dir, { maxBytes: 5000 }).cached).rejects.toThrow(
      /^Expected at most 5\.0 kB of activations \(--max-cache\) but 5 rows take \d+\.\d kB: cut nearer to the end \(--from\), take --cache-dtype int8, or fewer views$/,
    );
    expect(filesBelow(dir).size).toBe(0);
  });

  it('names photos that are gone, changed or damaged, and leaves them out', async () => {
    const moved = await photos(COUNT);
    rmSync(join(moved, 'a/image-0.jpg'));
    writeFileSync(join(moved, 'b/image-1.jpg'), 'another');
    const { said, cached } = cache(newFolder(), { photos: moved });
    const { leftOut, computed, request } = await cached;
    expect(computed).toBe(COUNT - 2);
    expect(leftOut).toEqual([
      { path: 'a/image-0.jpg', reason: 'no such file' },
      { path: 'b/image-1.jpg', reason: 'it has changed since its features were extracted' },
    ]);
    expect(said.at(-1)).toBe(
      '2 of 5 photos could not be used and are left out: a/image-0.jpg (no such file), b/image-1.jpg (it has changed since its features were extracted)',
    );
    expect(openActivations(request).rowOf(images[0].sha256, 0)).toBeUndefined();
    const outside = images.map((image) => ({ ...image, path: `../${image.path}` }));
    await expect(cache(newFolder(), { images: outside }).cached).rejects.toThrow(
      /^None of 5 photos can be used: \.\.\/a\/image-0\.jpg \(outside of /,
    );
  });

  it('says how much is cached where the photos are gone', async () => {
    const dir = newFolder();
    await cache(dir, { images: images.slice(0, 2) }).cached;
    const gone = join(newFolder(), 'gone');
    await expect(cache(dir, { photos: gone }).cached).rejects.toThrow(
      `3 of 5 activations are not cached, and the photos are no longer in ${gone}: give --images with their folder, or a .zip or .tar of it, if they have moved`,
    );
    await expect(cache(dir, { photos: undefined }).cached).rejects.toThrow(
      '3 of 5 activations are not cached, and where the photos are is not known, as of data sets from tables: give --images with their folder, or a .zip or .tar of it',
    );
  });

  it('reads photos from the archive that they were extracted from', async () => {
    const contents = images.map(({ path }) => [`photos/${path}`, readFileSync(join(folder, path))]);
    const archive = await zipOf(Object.fromEntries(contents));
    const store = join(newFolder(), 'store');
    const flags = ['--weights', 'none', '--size', '64x48', '--layer', 'last'];
    const extracted = await permafrost(['extract', '--data', archive, '--out', store, ...flags]);
    expect(extracted.status, extracted.stderr).toBe(0);
    expect(await readPhotoFolder(store)).toBe(archive);
    const plain = await cache(newFolder()).cached;
    const packed = await cache(newFolder(), { photos: await readPhotoFolder(store) }).cached;
    expect(packed).toMatchObject({ computed: COUNT, leftOut: [] });
    expect((await rowOf(packed.request, 2, 0)).activation).toEqual(
      (await rowOf(plain.request, 2, 0)).activation,
    );
  });

  it('computes a damaged part again, and nothing else', async () => {
    const dir = newFolder();
    await cache(dir).cached;
    const before = filesBelow(dir);
    const [part] = [...before.keys()].filter((name) => name.endsWith('.arrow'));
    renameSync(join(dir, part), join(newFolder(), 'part'));
    const { said, cached } = cache(dir);
    expect(await cached).toMatchObject({ computed: COUNT, reused: 0 });
    expect(said[0]).toMatch(/^Damaged activation cache: .*part-00000\.arrow cannot be read: no such file/);
    expect(filesBelow(dir)).toEqual(before);
  });

  it('keeps what was computed of a run that is stopped', async () => {
    const dir = newFolder();
    const stop = new AbortController();
    const { reporter } = listener();
    const advance = () => stop.abort(new Error('stopped'));
    const stopping: Reporter = { ...reporter, progress: () => ({ advance, stop: () => {} }) };
    const request = { ...requestFor(dir), batchSize: 1 };
    await expect(cacheActivations(request, { signal: stop.signal, reporter: stopping })).rejects.toThrow(
      'stopped',
    );
    const again = await cache(dir).cached;
    expect(again.reused).toBeGreaterThan(0);
    expect(again.computed + again.reused).toBe(COUNT);
    expect(existsSync(join(dir, readdirSync(dir)[0], 'writer.lock'))).toBe(false);
  });
});
