/** A trained head on disk: head.json says what it is, head.safetensors has its numbers, and tail.safetensors those of a trained tail. */
import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Augmentation, checkAugmentation } from '../augment/augmentation.ts';
import { decodeText } from '../encoding.ts';
import { InputError, unexpected } from '../errors.ts';
import {
  asKind,
  asList,
  asMatching,
  asObject,
  asOneOf,
  asText,
  asTexts,
  asWhole,
  parseJson,
} from '../fields.ts';
import { codeOf, diskError, makeFolder, writeDurably } from '../store/files.ts';
import { checkPipeline, type Pipeline } from '../store/schema.ts';
import { checkValue, number, text } from '../values.ts';
import {
  encodeSafetensors,
  openSafetensors,
  type SafetensorsFile,
  type Tensor,
} from '../weights/safetensors.ts';
import type { HeadConfig, Metrics, Task } from './config.ts';
import { checkConfig } from './config-check.ts';
import { headTensorShapes } from './head-tensors.ts';
import { encodeTail, readTensor, recordedTail, TAIL_FILE, tailTensors } from './tail-file.ts';

/** How some of a head's inputs are computed from an image. */
export interface HeadSource {
  /** The store's pipeline: backbone, weights, size, preprocessing. */
  pipeline: Pipeline;
  /** Columns of the backbone's output, side by side. */
  columns: string[];
  /** Numbers they have together. */
  dimension: number;
}

/** head.json. */
export interface HeadRecord {
  format: typeof FORMAT;
  /** 2 where the end of the backbone was trained too, so that earlier versions of permafrost refuse the head. */
  formatVersion: 1 | 2;
  /** SHA-256 of head.safetensors; earlier versions of permafrost did not write it. */
  tensors?: string;
  /** SHA-256 of tail.safetensors; see {@link HeadConfig.tail}. */
  tailTensors?: string;
  /** The version of permafrost that trained it, a record. */
  version: string;
  /** The engine that trained it, a record. */
  engine: { name: string; version: string };
  task: Task;
  /** The meaning of each output, in order. */
  classes: string[];
  config: HeadConfig;
  /** The head's inputs are these, side by side. */
  sources: HeadSource[];
  /** What the logits are divided by before the output, so that probabilities are as sure as they are right. */
  temperature?: number;
  /** Multi-label: what each class's probability must exceed to be predicted, in the order of the classes. */
  thresholds?: number[];
  /** The views of each training image, where there were any. */
  augment?: Augmentation;
  /** Where the store of each source was when the head was trained, a record. */
  stores?: string[];
  metrics: { val: Metrics; test: Metrics | null };
}

export interface Head {
  record: HeadRecord;
  /** By name: the parameters of headParameters, and what `NORMALIZATION_STATISTICS` says of its normalisation. */
  tensors: ReadonlyMap<string, Tensor>;
  /** By `layer/weight`: all weights of the backbone's end where it was trained too ({@link HeadConfig.tail}). */
  tail?: ReadonlyMap<string, Tensor>;
}

/** What the caller of {@link writeHead} knows of a record. */
type NewRecord = Omit<HeadRecord, 'format' | 'formatVersion' | 'tensors' | 'tailTensors'>;

const FORMAT = 'permafrost-head';
/** Numbers that one source can give a head: more is damage. */
const MAX_INPUTS = 1 << 24;
const RECORD_FILE = 'head.json';
const TENSORS_FILE = 'head.safetensors';

const SHA256 = /^[0-9a-f]{64}$/;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Writes a head into a folder, its numbers first, so that a record never stands without them.
 * @param tail where `record.config.tail` says that the end of the backbone was trained, all weights of it
 * @throws InputError for a tail whose arrays are not those of its layers, and where the disk refuses
 */
export async function writeHead(
  dir: string,
  record: NewRecord,
  tensors: ReadonlyMap<string, Tensor>,
  tail?: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const tailBytes = encodeTail(record, tail, join(dir, TAIL_FILE));
  await makeFolder(dir);
  const bytes = encodeSafetensors(tensors, { format: FORMAT });
  await writeDurably(join(dir, TENSORS_FILE), bytes);
  if (tailBytes) await writeDurably(join(dir, TAIL_FILE), tailBytes);
  const current = {
    format: FORMAT,
    formatVersion: tailBytes ? 2 : 1,
    tensors: sha256(bytes),
    tailTensors: tailBytes && sha256(tailBytes),
  };
  // First for readers, and last since the record of a head that was read has others.
  const json = { ...current, ...record, ...current };
  await writeDurably(join(dir, RECORD_FILE), `${JSON.stringify(json, null, 2)}\n`);
  // That of an earlier head.
  if (!tailBytes) await rm(join(dir, TAIL_FILE), { force: true });
}

/** Why there is no head at `dir`; that of a run lies in its folder best. */
async function notAHead(dir: string, thrown: unknown): Promise<InputError> {
  if (!['ENOENT', 'ENOTDIR'].includes(codeOf(thrown)))
    return diskError('read', join(dir, RECORD_FILE), thrown);
  const best = join(dir, 'best');
  const hint = (await stat(join(best, RECORD_FILE)).catch(() => undefined))
    ? ` (did you mean ${best}?)`
    : ': give the folder best of a run, like runs/NAME/best';
  return new InputError(`No trained head at ${dir}${hint}`);
}

/**
 * Reads a head and checks that its numbers have the shapes its record asks for.
 * @throws InputError naming the file and what does not fit
 */
export async function readHead(dir: string): Promise<Head> {
  checkValue(text, dir, 'the folder');
  const path = join(dir, RECORD_FILE);
  const json = await readFile(path).catch(async (thrown: unknown) => {
    throw await notAHead(dir, thrown);
  });
  const record = checkRecord(parseJson(decodeText(json, path), path), path);
  const shapes = headTensorShapes(record);
  const tensors = await readArrays(
    dir,
    TENSORS_FILE,
    record.tensors,
    (file, own) => new Map([...shapes].map(([name, shape]) => [name, readTensor(file, name, shape, own)])),
  );
  const { tail } = record.config;
  if (!tail) return { record, tensors };
  const weights = recordedTail(tail, record.sources, path);
  return {
    record,
    tensors,
    tail: await readArrays(dir, TAIL_FILE, record.tailTensors, (file, own) =>
      tailTensors(file, weights, own),
    ),
  };
}

/** What `read` makes of a file with the given SHA-256. */
async function readArrays(
  dir: string,
  name: string,
  hash: string | undefined,
  read: (file: SafetensorsFile, path: string) => Map<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const path = join(dir, name);
  const file = openSafetensors(path);
  try {
    const found = sha256(await readFile(path));
    const tensors = read(file, path);
    // Last, since it does not say what is wrong.
    if (hash !== undefined && hash !== found)
      throw new InputError(
        `Damaged head: ${path} has SHA-256 ${found} but ${RECORD_FILE} says ${hash}: train it again`,
      );
    return tensors;
  } finally {
    file.close();
  }
}

function checkRecord(value: unknown, path: string): HeadRecord {
  const field = (name: string) => `${name} of ${path}`;
  const fields = asObject(value, path);
  if (fields.format !== FORMAT) throw unexpected(`"${FORMAT}"`, field('format'), fields.format);
  const { formatVersion } = fields;
  if (formatVersion !== 1 && formatVersion !== 2)
    throw unexpected('1 or 2', field('formatVersion'), formatVersion);
  const engine = asObject(fields.engine, field('engine'));
  const metrics = asObject(fields.metrics, field('metrics'));
  const task = asOneOf(fields.task, field('task'), ['multiclass', 'multilabel']);
  const classes = asTexts(fields.classes, field('classes'));
  if (new Set(classes).size < classes.length) throw unexpected('each class once', field('classes'), classes);
  const config = checkConfig(asObject(fields.config, field('config')), (name) => field(`config.${name}`));
  const hasTail = config.tail !== undefined;
  if (hasTail !== (formatVersion === 2))
    throw unexpected(
      hasTail ? '2 for a head with a tail' : '1 for a head without a tail',
      field('formatVersion'),
      formatVersion,
    );
  if (task === 'multilabel' && config.output !== 'sigmoid')
    throw unexpected('sigmoid for a multilabel head', field('config.output'), config.output);
  return {
    format: FORMAT,
    formatVersion,
    ...(fields.tensors !== undefined && {
      tensors: asMatching(fields.tensors, field('tensors'), SHA256, '64 hexadecimal digits'),
    }),
    ...(hasTail && {
      tailTensors: asMatching(fields.tailTensors, field('tailTensors'), SHA256, '64 hexadecimal digits'),
    }),
    version: asText(fields.version, field('version')),
    engine: {
      name: asText(engine.name, field('engine.name')),
      version: asText(engine.version, field('engine.version')),
    },
    task,
    classes,
    config,
    sources: checkSources(fields.sources, field),
    ...(fields.temperature !== undefined && {
      temperature: asKind(fields.temperature, field('temperature'), number({ minimum: 1e-3, maximum: 1e3 })),
    }),
    ...(fields.thresholds !== undefined && {
      thresholds: checkThresholds(fields.thresholds, field, task === 'multilabel' ? classes.length : 0),
    }),
    ...(fields.augment !== undefined && { augment: checkAugmentation(fields.augment, field('augment')) }),
    ...(fields.stores !== undefined && { stores: asTexts(fields.stores, field('stores')) }),
    metrics: {
      val: asObject(metrics.val, field('metrics.val')),
      test: metrics.test === null ? null : asObject(metrics.test, field('metrics.test')),
    },
  };
}

/** @param count thresholds that the head must have: one for each class, none where it predicts the likeliest class */
function checkThresholds(value: unknown, field: (name: string) => string, count: number): number[] {
  const list = asList(value, field('thresholds'));
  if (count === 0) throw unexpected('no thresholds for a multiclass head', field('thresholds'), value);
  if (list.length !== count) throw unexpected(`${count} thresholds`, field('thresholds'), list.length);
  return list.map((entry, i) => asKind(entry, field(`thresholds[${i}]`), number({ minimum: 0, maximum: 1 })));
}

function checkSources(value: unknown, field: (name: string) => string): HeadSource[] {
  const entries = asList(value, field('sources'));
  if (entries.length === 0) throw unexpected('at least one source', field('sources'), value);
  return entries.map((entry, i) => checkSource(entry, (name) => field(`sources[${i}].${name}`)));
}

function checkSource(value: unknown, field: (name: string) => string): HeadSource {
  const fields = asObject(value, field('entry'));
  return {
    pipeline: checkPipeline(asObject(fields.pipeline, field('pipeline')), field),
    columns: asTexts(fields.columns, field('columns')),
    dimension: asWhole(fields.dimension, field('dimension'), 1, MAX_INPUTS),
  };
}
