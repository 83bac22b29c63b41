/** What preprocessor_config.json says (the Hugging Face convention): size, resizing and normalisation of the pixels. */
import { InputError, unexpected } from '../../errors.ts';
import { asBoolean, asList, asObject, asWhole, type Fields, parseJson } from '../../fields.ts';
import type { Interpolation, Resize, Size } from '../../images/resize.ts';
import type { PixelScaling } from './pixels.ts';

/** What a configuration asks for; a part is undefined where it says nothing. */
export interface Processor {
  size: Size | undefined;
  resize: Partial<Resize>;
  scaling: PixelScaling | undefined;
}

/** Numbers of PIL.Image.Resampling. */
const RESAMPLE: ReadonlyMap<unknown, Interpolation> = new Map([
  [0, 'nearest'],
  [1, 'lanczos'],
  [2, 'bilinear'],
  [3, 'bicubic'],
] as const);

/** timm's names, of `pretrained_cfg`. */
const TIMM_INTERPOLATION: ReadonlyMap<unknown, Interpolation> = new Map(
  (['nearest', 'bilinear', 'bicubic', 'lanczos'] as const).map((name) => [name, name]),
);

const LARGEST = 1 << 14;

/**
 * Reads a configuration's text: an image processor's of Hugging Face, or timm's `pretrained_cfg`.
 * @throws InputError naming the field that is damaged, or asks for what permafrost does not do
 */
export function parseProcessor(json: string, path: string): Processor {
  const fields = asObject(parseJson(json, path), path);
  const field = (name: string) => `${name} of ${path}`;
  return fields.pretrained_cfg === undefined
    ? ofTransformers(fields, field)
    : ofTimm(asObject(fields.pretrained_cfg, field('pretrained_cfg')), (name) =>
        field(`pretrained_cfg.${name}`),
      );
}

/** Whether a config.json is timm's, which says of the pixels what others have in preprocessor_config.json. */
export function hasPixels(json: string): boolean {
  return json.includes('"pretrained_cfg"');
}

type FieldName = (name: string) => string;

function ofTransformers(fields: Fields, field: FieldName): Processor {
  const target =
    toggled(fields, 'do_resize', field) === false ? undefined : sizeOf(fields.size, field('size'));
  const crop =
    toggled(fields, 'do_center_crop', field) === true
      ? cropOf(fields.crop_size, field('crop_size'))
      : undefined;
  const interpolation = fields.resample === undefined ? 'bilinear' : RESAMPLE.get(fields.resample);
  if (!interpolation) throw unexpected('0 to 3, as Pillow numbers them,', field('resample'), fields.resample);
  const { size, resize } = placed(target, crop, fields, field);
  return {
    size,
    resize: target ? { ...resize, interpolation } : resize,
    scaling: scalingOf(fields, field),
  };
}

/** One edge that the image's shorter one is resized to, or both. */
type Target = { edge: number } | Size;

function placed(
  target: Target | undefined,
  crop: Size | undefined,
  fields: Fields,
  field: FieldName,
): Pick<Processor, 'size' | 'resize'> {
  if (!target) return { size: crop, resize: crop ? { fit: 'crop' } : {} };
  if (!('edge' in target)) {
    if (crop && (crop.width !== target.width || crop.height !== target.height)) {
      throw unexpected(
        `a crop of all ${target.width}x${target.height} pixels that size asks for`,
        field('crop_size'),
        crop,
      );
    }
    return { size: target, resize: { fit: 'stretch' } };
  }
  const { edge } = target;
  if (crop) {
    if (Math.max(crop.width, crop.height) > edge)
      throw unexpected(`at most ${edge}`, field('crop_size'), crop);
    return { size: crop, resize: { fit: 'crop', edge } };
  }
  const square = { width: edge, height: edge };
  // ConvNeXt's processor: a share is cropped of small images, large ones are stretched.
  if (fields.crop_pct === undefined || fields.crop_pct === null)
    return { size: square, resize: { fit: 'crop', edge } };
  if (edge >= 384) return { size: square, resize: { fit: 'stretch' } };
  return {
    size: square,
    resize: { fit: 'crop', edge: Math.trunc(edge / share(fields.crop_pct, field('crop_pct'))) },
  };
}

function ofTimm(fields: Fields, field: FieldName): Processor {
  const [channels, height, width] = asList(fields.input_size, field('input_size')).map((value) =>
    asWhole(value, field('input_size'), 1, LARGEST),
  );
  if (channels !== 3 || width === undefined)
    throw unexpected('[3, height, width]', field('input_size'), fields.input_size);
  const interpolation = TIMM_INTERPOLATION.get(fields.interpolation ?? 'bilinear');
  if (!interpolation)
    throw unexpected('nearest, bilinear, bicubic or lanczos', field('interpolation'), fields.interpolation);
  const cropped = fields.crop_pct === undefined ? 0.875 : share(fields.crop_pct, field('crop_pct'));
  // timm resizes the shorter edge to the floor of the crop's by its share.
  const edge = Math.floor(Math.min(width, height) / cropped);
  if (![undefined, 'center', 'squash', 'border'].includes(fields.crop_mode as string | undefined))
    throw unexpected('center, squash or border', field('crop_mode'), fields.crop_mode);
  const isSquash = fields.crop_mode === 'squash' && cropped === 1;
  return {
    size: { width, height },
    resize: isSquash ? { fit: 'stretch', interpolation } : { fit: 'crop', edge, interpolation },
    scaling: {
      mean: three(fields.mean, field('mean')),
      deviation: positive(three(fields.std, field('std')), field('std')),
    },
  };
}

/** `(x * factor - mean) / std` as `(x / 255 - mean) / deviation`. */
function scalingOf(fields: Fields, field: FieldName): PixelScaling | undefined {
  if (fields.do_normalize === undefined && fields.do_rescale === undefined && !fields.image_mean)
    return undefined;
  const { rescale_factor: given } = fields;
  if (given !== undefined && !(typeof given === 'number' && given > 0 && given <= 1))
    throw unexpected('a number above 0, at most 1', field('rescale_factor'), given);
  const factor =
    toggled(fields, 'do_rescale', field) === false ? 1 : ((given as number | undefined) ?? 1 / 255);
  // 0.00392156862745098, as it is usually written, is 1 / 255.
  const times = Math.abs(255 * factor - 1) < 1e-6 ? 1 : 255 * factor;
  const isNormalized = toggled(fields, 'do_normalize', field) !== false;
  const mean = isNormalized ? three(fields.image_mean, field('image_mean')) : ([0, 0, 0] as const);
  const std = isNormalized
    ? positive(three(fields.image_std, field('image_std')), field('image_std'))
    : ([1, 1, 1] as const);
  const scaled = ([r, g, b]: readonly [number, number, number]) => [r / times, g / times, b / times] as const;
  return { mean: scaled(mean), deviation: scaled(std) };
}

/** A field that is true or false; undefined where it is not there or null. */
function toggled(fields: Fields, name: string, field: FieldName): boolean | undefined {
  const value = fields[name] ?? undefined;
  return value === undefined ? undefined : asBoolean(value, field(name));
}

function sizeOf(value: unknown, where: string): Target | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number') return { edge: pixels(value, where) };
  const size = asObject(value, where);
  if (size.shortest_edge !== undefined && size.longest_edge === undefined)
    return { edge: pixels(size.shortest_edge, where) };
  return { width: pixels(size.width, where), height: pixels(size.height, where) };
}

function cropOf(value: unknown, where: string): Size {
  if (typeof value === 'number') return { width: pixels(value, where), height: pixels(value, where) };
  const size = asObject(value, where);
  return { width: pixels(size.width, where), height: pixels(size.height, where) };
}

function pixels(value: unknown, where: string): number {
  return asWhole(value, where, 1, LARGEST);
}

function share(value: unknown, where: string): number {
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  throw unexpected('a share from 0 to 1', where, value);
}

function three(value: unknown, where: string): [number, number, number] {
  const list = asList(value, where);
  if (list.length !== 3 || !list.every((entry): entry is number => Number.isFinite(entry)))
    throw unexpected('three numbers', where, value);
  const [r, g, b] = list;
  return [r, g, b];
}

function positive<T extends readonly number[]>(values: T, where: string): T {
  if (values.every((value) => value > 0)) return values;
  throw new InputError(`Expected numbers above 0 for ${where} but received ${values.join(', ')}`);
}
