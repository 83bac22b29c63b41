/** Writes a trained head in a format that other programs run, and checks it by running it. Start reading here. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Engine, loadEngine } from '../shared/engines/engine.ts';
import { InputError, UsageError } from '../shared/errors.ts';
import type { Graph } from '../shared/graph/value.ts';
import { headInputs } from '../shared/head/head-tensors.ts';
import { headGraph } from '../shared/head/predictor.ts';
import type { Head } from '../shared/head/record.ts';
import { random } from '../shared/random.ts';
import { codeOf, diskError, makeFolder } from '../shared/store/files.ts';
import { encodeSafetensors, openSafetensors, type Tensor } from '../shared/weights/safetensors.ts';
import { modelLayers } from './head-layers.ts';
import { interpret } from './interpret.ts';
import { encodeKeras, readKeras } from './keras.ts';
import { type PhotoOptions, photoChecks, photoExport } from './photos.ts';
import { encodeTfjs, readTfjs } from './tfjs.ts';

/** What a format makes of a head. */
interface Encoded {
  /** By name below a folder, or one file under the name ''. */
  files: ReadonlyMap<string, Uint8Array>;
  /** What permafrost predicts. */
  expected(engine: Engine): Promise<Float32Array>;
  /** What the written file or folder predicts for the same. */
  computed(path: string, engine: Engine): Promise<Float32Array>;
}

/** The formats, the default first. */
const FORMATS = {
  /** Photos of any size to probabilities. */
  onnx: photos('onnx'),
  /** Features, or photos of any size, to probabilities, as Keras 3 saves models. */
  keras: async (head, options) =>
    isWhole(head, options)
      ? photos('keras')(head, options)
      : {
          files: single(await encodeKeras(modelLayers(head, 'keras'), description(head))),
          ...headChecks(head, async (path) => interpret(await readKeras(path))),
        },
  /** Features, or photos of the backbone's size, to probabilities: a folder. */
  tfjs: async (head, options) =>
    isWhole(head, options)
      ? photos('tfjs')(head, options)
      : {
          files: encodeTfjs(modelLayers(head, 'tfjs'), description(head)),
          ...headChecks(head, async (path) => interpret(await readTfjs(path))),
        },
  /** The arrays of the head and of its tail, with its record in the header. */
  async safetensors(head, options) {
    const metadata = { format: 'permafrost-head', head: JSON.stringify(head.record) };
    return {
      files: single(encodeSafetensors(allTensors(head), metadata)),
      ...(head.tail
        ? await photoChecks(head, options, readBack)
        : headChecks(head, async (path) => headGraph(readBack(path)))),
    };
  },
} as const satisfies Record<string, (head: Head, options: FormatOptions) => Promise<Encoded>>;

export type ExportFormat = keyof typeof FORMATS;
export const EXPORT_FORMATS = Object.keys(FORMATS) as ExportFormat[];

type FormatOptions = Omit<ExportOptions, 'head' | 'format' | 'out'>;

export interface ExportOptions extends PhotoOptions {
  head: Head;
  format: ExportFormat;
  /** With keras and tfjs: whether the model takes photos, backbone included; default: features, but of a head with a trained tail. */
  full?: boolean;
  /** The file, or for tfjs the folder, to write. */
  out: string;
}

export interface ExportSummary {
  out: string;
  format: ExportFormat;
  bytes: number;
  /** Largest difference of a probability from permafrost's own, on the images or features it was checked with. */
  difference: number;
}

/** Largest difference that is put up with. */
const TOLERANCE = 1e-4;

/**
 * Writes an export under a temporary name, runs it, and only then gives it its name.
 * @throws InputError where the written file does not predict as permafrost does, or a backbone is not as recorded;
 *   UsageError for what a format cannot hold; the abort reason of `signal`
 */
export async function exportHead({ head, format, out, ...options }: ExportOptions): Promise<ExportSummary> {
  const { signal } = options;
  signal?.throwIfAborted();
  const isEither = format === 'keras' || format === 'tfjs';
  if (options.full && !isEither)
    throw new UsageError(`--full works only with --format keras or tfjs, not ${format}`);
  if (options.weights.length > 0 && format !== 'onnx' && !isWhole(head, options))
    throw new UsageError(
      `--weights works only with --format onnx or --full, which contain the backbone; ${format} contains only the head`,
    );
  if (head.record.config.tail && !options.full && isEither)
    options.reporter?.info(
      'The end of the backbone was trained with the head, so the whole model is exported: it takes photos',
    );
  const { files, expected, computed } = await FORMATS[format](head, options);
  const target = resolve(out);
  const isFolder = !files.has('');
  let temporary: string | undefined;
  try {
    await makeFolder(dirname(target));
    // A new name: what lies beside the target is the user's.
    temporary = await mkdtemp(`${target}.`);
    const written = (name: string) => join(temporary!, name || 'model');
    let bytes = 0;
    for (const [name, content] of files) {
      await writeFile(written(name), content, { flush: true });
      bytes += content.length;
    }
    const engine = await loadEngine('onnxruntime');
    const difference = largestDifference(
      await expected(engine),
      await computed(isFolder ? temporary : written(''), engine),
    );
    // Written so that NaN is refused.
    if (!(difference <= TOLERANCE)) {
      throw new InputError(
        `Expected ${format} to predict within ${TOLERANCE} of permafrost's probabilities but they differ by ${difference.toPrecision(2)}: ${out} is not written`,
      );
    }
    signal?.throwIfAborted();
    if (isFolder) await makeFolder(target);
    for (const name of files.keys()) await rename(written(name), join(target, name));
    return { out, format, bytes, difference };
  } catch (thrown) {
    throw codeOf(thrown).startsWith('E') ? diskError('write', out, thrown) : thrown;
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

function photos(format: 'onnx' | 'keras' | 'tfjs') {
  return (head: Head, options: PhotoOptions): Promise<Encoded> =>
    photoExport(format, head, meaningOf(head), options);
}

/** Whether the backbone is exported too: a head that was trained with the backbone's end means nothing without it. */
function isWhole({ record }: Head, { full = false }: Pick<FormatOptions, 'full'>): boolean {
  return full || record.config.tail !== undefined;
}

function description(head: Head): { name: string; meaning: object } {
  return { name: 'head', meaning: meaningOf(head) };
}

/** Of a head and its tail, whose names begin with `tail/`. */
function allTensors({ tensors, tail = new Map() }: Head): Map<string, Tensor> {
  return new Map([...tensors, ...[...tail].map(([name, tensor]) => [TAIL + name, tensor] as const)]);
}

const TAIL = 'tail/';

function single(bytes: Uint8Array): Map<string, Uint8Array> {
  return new Map([['', bytes]]);
}

/** What outputs and inputs mean. */
function meaningOf({ record }: Head): Record<string, unknown> {
  const { task, classes, thresholds, temperature, sources, version } = record;
  return {
    permafrost: version,
    task,
    labels: classes,
    ...(thresholds && { thresholds }),
    ...(temperature !== undefined && { temperature }),
    sources: sources.map(({ pipeline, columns, dimension }) => ({
      backbone: pipeline.backbone,
      weightsHash: pipeline.weightsHash,
      size: pipeline.size,
      preprocessing: pipeline.preprocessing,
      resize: pipeline.resize,
      columns,
      dimension,
    })),
  };
}

/** Feature vectors that a head is checked with. */
const ROWS = 16;

function headChecks(head: Head, read: (path: string) => Promise<Graph>): Omit<Encoded, 'files'> {
  const features = checkFeatures(head);
  const run = async (engine: Engine, graph: Graph): Promise<Float32Array> => {
    const program = await engine.compile(graph);
    const { probabilities } = await program.run({ features });
    await program.release();
    return probabilities;
  };
  return {
    expected: (engine) => run(engine, headGraph(head)),
    computed: async (path, engine) => run(engine, await read(path)),
  };
}

/** Spread as the training features were, where the head knows; else positive, as features behind a ReLU are. */
function checkFeatures({ record, tensors }: Head): Float32Array {
  const inputs = headInputs(record);
  const stream = random(0, 'export');
  const mean = tensors.get('normalize/mean')?.data;
  const deviation = tensors.get('normalize/deviation')?.data;
  return Float32Array.from({ length: ROWS * inputs }, (_, i) => {
    const column = i % inputs;
    return mean && deviation ? mean[column] + deviation[column] * stream.normal() : Math.abs(stream.normal());
  });
}

function readBack(path: string): Head {
  const file = openSafetensors(path);
  try {
    const record = JSON.parse(file.metadata.head) as Head['record'];
    const tensors = [...file.shapes].map(
      ([name, shape]) => [name, { shape, data: file.read(name) }] as const,
    );
    const tail = tensors.filter(([name]) => name.startsWith(TAIL));
    return {
      record,
      tensors: new Map(tensors.filter(([name]) => !name.startsWith(TAIL))),
      ...(tail.length > 0 && {
        tail: new Map(tail.map(([name, tensor]) => [name.slice(TAIL.length), tensor])),
      }),
    };
  } finally {
    file.close();
  }
}

function largestDifference(expected: Float32Array, computed: Float32Array): number {
  if (expected.length !== computed.length) return Number.POSITIVE_INFINITY;
  return expected.reduce((max, value, index) => {
    const difference = Math.abs(value - computed[index]);
    return difference <= max ? max : difference;
  }, 0);
}
