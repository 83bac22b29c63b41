/** What `--augment` asks for: how many views of each image, and how they are made. */

import { UsageError, unexpected, usage } from '../errors.ts';
import { asObject, asText, asWhole } from '../fields.ts';
import { number, type ValueKind } from '../values.ts';

/**
 * The transformations of a view, each drawn uniformly and, but for `crop`, meaning what it means to Keras's
 * ImageDataGenerator; what lies outside the image is filled with its nearest pixel (`fill_mode='nearest'`). 0: not at all.
 */
export interface Transformations {
  /** `horizontal_flip`: 1 mirrors every second view. */
  flip: number;
  /** `rotation_range`: degrees in either direction. */
  rotate: number;
  /** `width_shift_range` and `height_shift_range`: a share of the width and of the height, below 1. */
  shift: number;
  /** `shear_range`: degrees in either direction (Keras's too is an angle, so that 0.2 is hardly any). */
  shear: number;
  /** `zoom_range`: each axis by a factor of its own from 1 - zoom to 1 + zoom; above 1 shows more of the image. */
  zoom: number;
  /** `brightness_range=[1 - brightness, 1 + brightness]`: a factor of all pixels. */
  brightness: number;
  /**
   * Not of ImageDataGenerator but as torchvision's RandomResizedCrop: a window anywhere inside the image fills the view; its
   * sides are one share of the image's, from `crop` to 1.
   */
  crop: number;
}

/** How views are made, apart from their number: what two views of an image must share to be the same. */
export interface ViewKind extends Transformations {
  seed: number;
}

/** The views of every image: `views` more than the image itself, numbered from 1. */
export interface Augmentation {
  views: number;
  /** A {@link ViewKind} as {@link formatViewKind} writes it. */
  kind: string;
}

/** What each transformation takes, in the order in which they are written. */
const TRANSFORMATIONS: Readonly<Record<keyof Transformations, ValueKind<number>>> = {
  flip: number({ minimum: 1, maximum: 1 }, 'flip alone, or'),
  rotate: number({ above: 0, maximum: 180 }, 'degrees'),
  shift: number({ above: 0, below: 1 }, 'a share'),
  shear: number({ above: 0, below: 90 }, 'degrees'),
  zoom: number({ above: 0, below: 1 }, 'a share'),
  brightness: number({ above: 0, maximum: 1 }, 'a share'),
  crop: number({ above: 0, below: 1 }, 'a share'),
};
const NAMES = Object.keys(TRANSFORMATIONS) as (keyof Transformations)[];

/** More views than this of an image are a mistake; the store's column of views holds up to 32,767. */
const MAX_VIEWS = 1000;
const FORM = 'N:flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2,crop=0.7 (N views of any of these)';

/**
 * Reads `--augment`: the number of views, then transformations.
 * @throws UsageError naming the part that does not fit
 */
export function parseAugmentation(text: string, seed: number, where = '--augment'): Augmentation {
  const [, count, list] = /^(\d+):(.*)$/.exec(text) ?? [];
  const views = Number(count);
  if (!list || !(views >= 1 && views <= MAX_VIEWS)) throw usage(FORM, where, text);
  return { views, kind: formatViewKind({ ...parseTransformations(list, where), seed }) };
}

function parseTransformations(list: string, where: string): Transformations {
  const found: Transformations = { flip: 0, rotate: 0, shift: 0, shear: 0, zoom: 0, brightness: 0, crop: 0 };
  for (const item of list.split(',')) {
    const [written, value, ...rest] = item.split('=');
    const name = NAMES.find((candidate) => candidate === written.trim());
    if (!name || rest.length > 0) throw usage(FORM, where, item);
    if (found[name] !== 0) throw usage('each transformation once', where, list);
    const isAlone = name === 'flip' && value === undefined;
    found[name] = isAlone ? 1 : TRANSFORMATIONS[name].parse(value ?? '', `${name} of ${where}`);
  }
  return found;
}

/** `flip,rotate=30,shift=0.2;seed=0`: equal for equal kinds. */
export function formatViewKind({ seed, ...transformations }: ViewKind): string {
  const items = NAMES.filter((name) => transformations[name] !== 0).map((name) =>
    name === 'flip' ? name : `${name}=${transformations[name]}`,
  );
  return `${items.join(',')};seed=${seed}`;
}

/** Reads what {@link formatViewKind} wrote. @throws UsageError for anything else */
export function parseViewKind(text: string, where: string): ViewKind {
  const [, list, seed] = /^([^;]*);seed=(\d{1,16})$/.exec(text) ?? [];
  if (list === undefined) throw usage('transformations and their seed', where, text);
  return { ...parseTransformations(list, where), seed: Number(seed) };
}

/** Checks an augmentation in parsed JSON. @throws InputError naming the field */
export function checkAugmentation(value: unknown, where: string): Augmentation {
  const fields = asObject(value, where);
  const kind = asText(fields.kind, `kind of ${where}`);
  try {
    parseViewKind(kind, where);
  } catch (thrown) {
    if (thrown instanceof UsageError) throw unexpected('how views are made', `kind of ${where}`, kind);
    throw thrown;
  }
  return { views: asWhole(fields.views, `views of ${where}`, 1, MAX_VIEWS), kind };
}
