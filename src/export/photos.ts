/** The whole way from photos to probabilities as one model: its backbones, and photos to check it with. */
import { loadBackbone } from '../shared/backbones/load.ts';
import { isModelFile } from '../shared/backbones/model-file/request.ts';
import { fetchWeights } from '../shared/backbones/open-weights.ts';
import type { Engine } from '../shared/engines/engine.ts';
import {
  encodePhotoModel,
  type PhotoSource,
  runPhotoModel,
} from '../shared/engines/onnxruntime/photo-model.ts';
import { unexpected, usage } from '../shared/errors.ts';
import { type ComputedColumn, sideBySide } from '../shared/head/inputs.ts';
import { headGraph } from '../shared/head/predictor.ts';
import type { Head, HeadSource } from '../shared/head/record.ts';
import { checkBackbone, weightsOf } from '../shared/head/recorded-backbone.ts';
import { parseResize, placement, type Size } from '../shared/images/resize.ts';
import { random } from '../shared/random.ts';
import type { Reporter } from '../shared/reporter.ts';
import { encodeKeras } from './keras.ts';
import { photoLayers, runKerasPhotos } from './keras-photos.ts';

export interface PhotoOptions {
  /** Weights instead of those recorded: one for each backbone of the head, in order, or none at all. */
  weights: readonly string[];
  signal?: AbortSignal;
  reporter?: Reporter;
}

/** What is written to a file, and how permafrost itself and that file predict for the same photos. */
export interface PhotoExport {
  bytes: Uint8Array;
  expected(engine: Engine): Promise<Float32Array>;
  computed(path: string, engine: Engine): Promise<Float32Array>;
}

/** A format for models of photos. */
interface PhotoFormat {
  encode(sources: readonly PhotoSource[], head: Head, meaning: Record<string, unknown>): Promise<Uint8Array>;
  /** Probabilities [photos, classes] of a written model. */
  run(path: string, photos: { pixels: Uint8Array; size: Size }, engine: Engine): Promise<Float32Array>;
}

/** A protobuf message is no longer. */
const MAX_BYTES = 2 ** 31 - 1;

const PHOTO_FORMATS = {
  onnx: {
    async encode(sources, head, meaning) {
      const texts = Object.entries(meaning).map(
        ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
      );
      const bytes = encodePhotoModel(sources, headGraph(head), Object.fromEntries(texts));
      if (bytes.length > MAX_BYTES)
        throw unexpected(`at most ${MAX_BYTES} bytes`, 'an ONNX model', bytes.length);
      return bytes;
    },
    run: (path, { pixels, size }) => runPhotoModel(path, pixels, size),
  },
  keras: {
    encode: (sources, head, meaning) =>
      encodeKeras(photoLayers(sources, head), { name: 'permafrost', meaning }),
    run: runKerasPhotos,
  },
} as const satisfies Record<string, PhotoFormat>;

/** Photos that an export is checked with. */
const IMAGES = 3;

/**
 * Builds the model.
 * @throws InputError where a backbone is not as the head's record says or the model would be too large, UsageError for
 *   what the format cannot do
 */
export async function photoExport(
  name: keyof typeof PHOTO_FORMATS,
  head: Head,
  meaning: Record<string, unknown>,
  { weights, ...options }: PhotoOptions,
): Promise<PhotoExport> {
  const { sources } = head.record;
  const chosen = weightsOf(sources, weights);
  const loaded: PhotoSource[] = [];
  for (const [index, source] of sources.entries()) loaded.push(await load(source, chosen[index], options));
  const format: PhotoFormat = PHOTO_FORMATS[name];
  const bytes = await format.encode(loaded, head, meaning);
  const photos = checkPhotos(loaded);
  return {
    bytes,
    async expected(engine) {
      const columns: ComputedColumn[] = [];
      for (const { graph: backbone, size, half } of loaded) {
        const program = await engine.compile(backbone);
        const computed = await program.run({ pixels: photos.pixels(size) });
        for (const [name, { shape }] of backbone.outputs)
          columns.push({ values: computed[name], dimension: shape[1], half });
        await program.release();
      }
      const features = sideBySide(columns, IMAGES);
      const program = await engine.compile(headGraph(head));
      const { probabilities } = await program.run({ features });
      await program.release();
      return probabilities;
    },
    computed: (path, engine) =>
      format.run(path, { pixels: photos.pixels(photos.size), size: photos.size }, engine),
  };
}

async function load(
  source: HeadSource,
  weights: string,
  options: Omit<PhotoOptions, 'weights'>,
): Promise<PhotoSource> {
  const { backbone: name, size, dtype, resize: text } = source.pipeline;
  if (isModelFile(name)) throw usage('a head behind a network of permafrost', '--format', name);
  const request = { name, size, weights, poolings: source.columns };
  await fetchWeights(request, options);
  const network = await loadBackbone(request);
  const resize = parseResize(text, `resize of the head's ${name}`);
  checkBackbone(source, { ...network, columns: [...network.columns], resize });
  return { graph: network.graph, size: network.size, resize, half: dtype === 'float16' };
}

/**
 * Coloured noise, where every backbone sees it as it is; else plain colours, which look the same however they are
 * resized and cut.
 */
function checkPhotos(sources: readonly PhotoSource[]): { size: Size; pixels(size: Size): Uint8Array } {
  const [{ size }] = sources;
  const isPlain = sources.some((source) => {
    const { resized } = placement(size, source.size, source.resize);
    const sizes = [source.size, resized];
    return sizes.some(({ width, height }) => width !== size.width || height !== size.height);
  });
  if (!isPlain) {
    const stream = random(0, 'export');
    const noise = Uint8Array.from({ length: IMAGES * size.width * size.height * 3 }, () =>
      stream.integer(256),
    );
    return { size, pixels: () => noise };
  }
  const colours = [
    [200, 30, 90],
    [20, 160, 60],
    [240, 240, 10],
  ];
  return {
    size,
    pixels: ({ width, height }) =>
      Uint8Array.from(
        { length: IMAGES * width * height * 3 },
        (_, i) => colours[Math.floor(i / (width * height * 3))][i % 3],
      ),
  };
}
