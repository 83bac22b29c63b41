/** The options of extract and of openDataset. */
import { parseAugmentation } from '../shared/augment/augmentation.ts';
import { PIXEL_FORMS, parsePixels } from '../shared/backbones/model-file/pixels.ts';
import { BACKBONES } from '../shared/backbones/registry.ts';
import type { BackboneRequest } from '../shared/backbones/thread/protocol.ts';
import { POOLING_NAMES } from '../shared/depth-words.ts';
import { DEVICES } from '../shared/engines/engine.ts';
import { ENGINE_OPTIONS } from '../shared/engines/options.ts';
import { usage } from '../shared/errors.ts';
import { FITS, INTERPOLATIONS } from '../shared/images/resize.ts';
import { sizeKind } from '../shared/images/size-kind.ts';
import { MANIFEST_OPTIONS } from '../shared/manifest/options.ts';
import { fields, type OptionTable } from '../shared/options.ts';
import { DTYPES, type Dtype, type Shard } from '../shared/store/schema.ts';
import {
  byCheck,
  type Check,
  checkValue,
  choice,
  list,
  listOf,
  ofKind,
  path,
  text,
  toggle,
  type ValueKind,
  wholeNumber,
  writtenAs,
} from '../shared/values.ts';
import { MODEL_PRECISIONS, type ModelPrecision } from '../shared/weights/hub/choose-files.ts';
import type { Dataset } from './dataset/dataset.ts';
import { parseMaxErrors } from './failures.ts';
import { parseShard } from './shard.ts';

/** A backbone and how images come to it; what is left out is as the command has it. */
export interface BackboneOptions extends Partial<BackboneRequest> {
  /** As `permafrost backbones` lists it, the path of an .onnx file or of a folder with one, or `hf:ORG/NAME[@REVISION]`. */
  name: string;
  /** Of the file that is taken of a hub or a folder; default: fp32. */
  precision?: ModelPrecision;
  /**
   * As after `--layer`: `depths`, `last` and names of layers, of which each pooling makes a column. Default: depths of a
   * network of permafrost, last of an .onnx file; beside poolings none, which then name the columns themselves.
   */
  layers?: readonly string[];
}

export interface ExtractOptions {
  /** As after `--data`, or a data set that {@link openDataset} listed, which stays open. */
  data: string | Dataset;
  /** One or several, each with a store of its own; default: efficientnet_lite0. */
  backbone?: string | BackboneOptions | readonly (string | BackboneOptions)[];
  /** Folder of the store, or of one for each of several backbones; default: `cache/<data>/<backbone>`. */
  out?: string;
  /** Which part of the images; default: all. */
  shard?: Shard;
  /** Default: float32. */
  dtype?: Dtype;
  /** Views of each image, like `4:flip,rotate=30`; default: none. */
  augment?: string;
  /** Which views `augment` draws; default: 0. */
  seed?: number;
  /** Images in one run of a backbone; default: 16. */
  batchSize?: number;
  /** Images read and decoded at a time; default: twice the number of cores. */
  concurrency?: number;
  /** Whether every image is read again, even where its size and dates say that it is as it was. */
  rehash?: boolean;
  /** What happens when an image cannot be used; default: skip. */
  onError?: 'skip' | 'fail';
  /** Failures that are still put up with, a number or a share like `5%`; default: any, as long as not all fail. */
  maxErrors?: number | string;
}

/** What extract does with its images. */
export type RunOptions = Omit<ExtractOptions, 'data'>;

const atLeast1 = ofKind(wholeNumber(1));

const shardKind: ValueKind<Shard> = {
  parse: (written) => parseShard(written),
  format: ({ index, of }) => `${index}/${of}`,
  what: 'an index and a number of shards',
  ...byCheck((value, where) => {
    fields({ index: atLeast1, of: atLeast1 }, ['index', 'of'])(value, where);
    const { index, of } = value as Shard;
    if (index > of) throw usage('an index of at most `of`', where, value);
  }),
};

/** `avg`, or `<layer>/avg`. */
const column: Check = (value, where) => {
  checkValue(text, value, where);
  const name = value as string;
  checkValue(choice(POOLING_NAMES), name.slice(name.lastIndexOf('/') + 1), where);
};

/** Those of openDataset; extract's command has them, too. */
export const DATASET_OPTIONS = {
  data: {
    kind: path,
    description:
      'Folder of class folders, .csv/.tsv/.jsonl manifest, .zip/.tar/.tar.gz of either, .parquet/.arrow table with image bytes or a folder of such tables, glob, or - for paths on stdin',
    required: true,
  },
  root: {
    kind: path,
    description: 'Base folder of the paths in a manifest, a glob or stdin',
    defaultText: "the manifest's folder, else the working folder",
  },
  ...MANIFEST_OPTIONS,
  labelLevel: {
    kind: wholeNumber(1),
    description: 'Which folder below --data names the class: 1 is the first',
    defaultText: "by the folders' names",
  },
  follow: {
    kind: toggle,
    description: 'Follow links inside the data; --no-follow skips them',
    default: true,
  },
} satisfies OptionTable;

const [firstBackbone] = BACKBONES.keys();

/** Those of a backbone, by the fields of BackboneOptions. */
export const BACKBONE_OPTIONS = {
  backbone: {
    kind: list(text),
    description:
      'Backbone: resnet50, efficientnet_b0, convnext_tiny ... (permafrost backbones lists all), an .onnx file, a folder with one, or hf:ORG/NAME[@REVISION] of a model hub; repeatable',
    default: [firstBackbone],
    required: 'field',
    field: 'name',
    check: ofKind(text),
  },
  weights: {
    kind: text,
    description:
      'imagenet (downloaded once), a local .h5, .keras, .safetensors or TensorFlow.js model.json file, or none (random)',
    default: 'imagenet',
  },
  precision: {
    kind: choice(MODEL_PRECISIONS),
    description: `Which file of a hub or a folder is taken: ${MODEL_PRECISIONS.join(', ')}`,
    defaultText: 'fp32',
  },
  preprocess: {
    kind: writtenAs(parsePixels),
    description: `Pixel normalisation for an .onnx file: ${PIXEL_FORMS}`,
    defaultText: 'from preprocessor_config.json beside it',
  },
  layer: {
    kind: list(text, ','),
    description:
      'depths (the last layer and earlier ones: permafrost backbones NAME lists them), last, or layers, separated by commas: Keras names; of an .onnx file any tensor or node, or its number from the end, as permafrost backbones lists them',
    defaultText: 'depths; last of an .onnx file',
    field: 'layers',
    check: listOf(ofKind(text), { min: 1 }),
  },
  pooling: {
    kind: list(choice(POOLING_NAMES), ','),
    description: `Poolings, one column each, separated by commas: ${POOLING_NAMES.join(', ')}`,
    default: ['avg'],
    defaultText: 'avg; of a vision transformer in an .onnx file what suits its family',
    field: 'poolings',
    check: listOf(column, { min: 1 }),
  },
  size: {
    kind: sizeKind,
    description: 'Image size as WIDTHxHEIGHT',
    defaultText: "the backbone's own",
  },
  resize: {
    kind: choice(FITS),
    description: `How an image with another aspect ratio is resized: ${FITS.join(', ')}`,
    defaultText: "stretch, or the ONNX model's own",
    field: 'resize.fit',
  },
  edge: {
    kind: wholeNumber(1),
    description: 'Pixels of the shorter edge that a crop is cut from',
    defaultText: 'what just fills the frame',
    field: 'resize.edge',
    flag: false,
  },
  interpolation: {
    kind: choice(INTERPOLATIONS),
    description: `Interpolation: ${INTERPOLATIONS.join(', ')}`,
    defaultText: "bilinear, or the ONNX model's own",
    field: 'resize.interpolation',
  },
  engine: ENGINE_OPTIONS.engine,
  device: {
    kind: choice(DEVICES),
    description: `Compute device: ${DEVICES.join(', ')}`,
    default: 'auto',
  },
} satisfies OptionTable;

/** Those of extract beside its data and its backbones. */
export const EXTRACT_OPTIONS = {
  augment: {
    // Its text stays: the seed that it is read with is another option.
    kind: writtenAs((written, where) => parseAugmentation(written, 0, where)),
    description:
      'Augmented views of each image, as in Keras: 4:flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2,crop=0.7',
    defaultText: 'none',
  },
  seed: {
    kind: wholeNumber(0),
    description: 'Seed of the views of --augment',
    default: 0,
    needs: { what: '--augment, whose views it draws', met: ({ augment }) => augment !== undefined },
  },
  out: { kind: path, description: 'Folder of the feature store', defaultText: 'cache/<data>/<backbone>' },
  batchSize: ENGINE_OPTIONS.batchSize,
  concurrency: ENGINE_OPTIONS.concurrency,
  dtype: {
    kind: choice(DTYPES),
    description: `Data type of stored features: ${DTYPES.join(', ')}`,
    default: 'float32',
  },
  rehash: {
    kind: toggle,
    description: 'Read every image again, even if its size and dates are unchanged',
    default: false,
  },
  shard: { kind: shardKind, description: 'Extract only shard I of N: I/N, or auto (auto/N) in an array job' },
  onError: {
    kind: choice(['skip', 'fail']),
    description: 'For an image that cannot be read: skip (and list it) or fail',
    default: 'skip',
  },
  maxErrors: {
    kind: writtenAs(parseMaxErrors),
    description: 'Stop when more than N images, or more than P%, cannot be read',
    check(value, where) {
      if (typeof value !== 'number' && typeof value !== 'string')
        throw usage('a number of images or a percentage like 5%', where, value);
      parseMaxErrors(String(value), where);
    },
  },
} satisfies OptionTable;
