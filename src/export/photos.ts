/** The whole way from photos to probabilities as one model: its backbones, and photos to check it with. */
import { trainedWeights } from '../shared/backbones/cut/weights.ts';
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
import type { Head } from '../shared/head/record.ts';
import { checkBackbone, takesHalf, trainedTail, weightsOf } from '../shared/head/recorded-backbone.ts';
import { recordedTail } from '../shared/head/tail-file.ts';
import { parseResize, placement, type Size } from '../shared/images/resize.ts';
import { random } from '../shared/random.ts';
import type { Reporter } from '../shared/reporter.ts';
import type { GraphLayersOptions } from './graph-layers.ts';
import { encodeKeras, readKeras } from './keras.ts';
import { photoLayers, runPhotoLayers } from './photo-layers.ts';
import { encodeTfjs, readTfjs } from './tfjs.ts';

export interface PhotoOptions {
  /** Weights instead of those recorded: one for each backbone of the head, in order, or none at all. */
  weights: readonly string[];
  signal?: AbortSignal;
  reporter?: Reporter;
}

/** What is written to a file or a folder, and how permafrost itself and that predict for the same photos. */
export interface PhotoExport {
  /** By name below a folder, or one file under the name ''. */
  files: ReadonlyMap<string, Uint8Array>;
  expected(engine: Engine): Promise<Float32Array>;
  computed(path: string, engine: Engine): Promise<Float32Array>;
}

/** Photos of one size, and their number of pixels. */
interface Photos {
  pixels: Uint8Array;
  size: Size;
}

/** A format for models of photos. */
interface PhotoFormat {
  /** Whether the batch-norms of a trained tail stay layers, so that training can go on. */
  isTailUnfolded: boolean;
  encode(model: PhotoModel): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Probabilities [photos, classes] of a written model. */
  run(path: string, photos: Photos, engine: Engine): Promise<Float32Array>;
}

interface PhotoModel {
  sources: readonly PhotoSource[];
  head: Head;
  meaning: Record<string, unknown>;
}

/** A protobuf message is no longer. */
const MAX_BYTES = 2 ** 31 - 1;

const PHOTO_FORMATS = {
  onnx: {
    isTailUnfolded: false,
    async encode({ sources, head, meaning }) {
      const texts = Object.entries(meaning).map(
        ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
      );
      const bytes = encodePhotoModel(sources, headGraph(head), Object.fromEntries(texts));
      if (bytes.length > MAX_BYTES)
        throw unexpected(`at most ${MAX_BYTES} bytes`, 'an ONNX model', bytes.length);
      return new Map([['', bytes]]);
    },
    run: (path, { pixels, size }) => runPhotoModel(path, pixels, size),
  },
  keras: {
    isTailUnfolded: true,
    async encode({ sources, head, meaning }) {
      const layers = photoLayers(sources, head, { dialect: 'keras', ...trainedLayers(head) });
      return new Map([['', await encodeKeras(layers, { name: 'permafrost', meaning })]]);
    },
    run: async (path, photos, engine) => runPhotoLayers(await readKeras(path), photos, engine),
  },
  tfjs: {
    isTailUnfolded: false,
    encode: async ({ sources, head, meaning }) =>
      encodeTfjs(photoLayers(sources, head, { dialect: 'tfjs' }), { name: 'permafrost', meaning }),
    run: async (path, photos, engine) => runPhotoLayers(await readTfjs(path), photos, engine),
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
  options: PhotoOptions,
): Promise<PhotoExport> {
  const format: PhotoFormat = PHOTO_FORMATS[name];
  const loaded = await loadSources(head, options);
  const isUnfolded = format.isTailUnfolded && head.tail !== undefined;
  const sources = isUnfolded ? await loadSources(head, options, true) : loaded;
  const photos = checkPhotos(loaded);
  return {
    files: await format.encode({ sources, head, meaning }),
    expected: (engine) => predictPhotos(loaded, head, photos, engine),
    computed: (path, engine) =>
      format.run(path, { pixels: photos.pixels(photos.size), size: photos.size }, engine),
  };
}

/**
 * How a head predicts for photos, and how one that was read back from a file does.
 * @throws InputError where a backbone is not as the head's record says
 */
export async function photoChecks(
  head: Head,
  options: PhotoOptions,
  readBack: (path: string) => Head,
): Promise<Omit<PhotoExport, 'files'>> {
  const loaded = await loadSources(head, options);
  const photos = checkPhotos(loaded);
  return {
    expected: (engine) => predictPhotos(loaded, head, photos, engine),
    async computed(path, engine) {
      const read = readBack(path);
      return predictPhotos(await loadSources(read, options), read, photos, engine);
    },
  };
}

/** Probabilities [photos, classes] as predict computes them. */
async function predictPhotos(
  sources: readonly PhotoSource[],
  head: Head,
  photos: CheckPhotos,
  engine: Engine,
): Promise<Float32Array> {
  const columns: ComputedColumn[] = [];
  for (const { graph: backbone, size, half } of sources) {
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
}

/** What of a head's backbone training goes on with: Keras freezes layers as a whole, batch-norms with their statistics. */
function trainedLayers({ record }: Head): Pick<GraphLayersOptions, 'isTrained' | 'momentum'> {
  const { config, sources } = record;
  if (!config.tail) return {};
  const weights = recordedTail(config.tail, sources, 'the head');
  const trained = trainedWeights(weights, config.tail.train).filter(({ isFrozenNorm }) => !isFrozenNorm);
  const layers = new Set(trained.map(({ layer }) => layer));
  const momentum = weights.find((weight) => weight.momentum !== undefined)?.momentum;
  return { isTrained: (layer) => layers.has(layer), momentum };
}

/** A head's backbones, with its trained tail. */
async function loadSources(
  head: Head,
  { weights, ...options }: PhotoOptions,
  isTailUnfolded = false,
): Promise<PhotoSource[]> {
  const { record } = head;
  const tail = trainedTail(head);
  const chosen = weightsOf(record.sources, weights);
  const loaded: PhotoSource[] = [];
  for (const [index, source] of record.sources.entries()) {
    const { backbone: name, size, resize: text } = source.pipeline;
    if (isModelFile(name)) throw usage('a head behind a network of permafrost', '--format', name);
    const request = { name, size, weights: chosen[index], poolings: source.columns, tail, isTailUnfolded };
    await fetchWeights(request, options);
    const network = await loadBackbone(request);
    const resize = parseResize(text, `resize of the head's ${name}`);
    checkBackbone(source, { ...network, columns: [...network.columns], resize });
    loaded.push({ graph: network.graph, size: network.size, resize, half: takesHalf(record, source) });
  }
  return loaded;
}

interface CheckPhotos {
  size: Size;
  /** The photos as a backbone with that size sees them. */
  pixels(size: Size): Uint8Array;
}

/**
 * Coloured noise, where every backbone sees it as it is; else plain colours, which look the same however they are
 * resized and cut.
 */
function checkPhotos(sources: readonly PhotoSource[]): CheckPhotos {
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
