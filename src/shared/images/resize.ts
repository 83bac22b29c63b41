/** How an image comes to the size that a backbone wants: which part of it, and by which interpolation. */
import { unexpected } from '../errors.ts';
import { asOneOf } from '../fields.ts';

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Beyond this an image's numbers no longer fit the arrays they are computed in. */
export const MAX_PIXELS = 8192 * 8192;

/** Stretch both axes; fill the frame and cut off what stands out; or show all of it on black. */
export const FITS = ['stretch', 'crop', 'pad'] as const;
/** Antialiased where they shrink (but for nearest), with Pillow's kernels: bicubic has a = -0.5, lanczos three lobes. */
export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
export type Interpolation = (typeof INTERPOLATIONS)[number];

export interface Resize {
  fit: (typeof FITS)[number];
  interpolation: Interpolation;
  /** Of a crop: pixels that the image's shorter edge has before it; default: what just fills the frame. */
  edge?: number;
}

/** No other gave linear heads more than chance: docs/resizing.md. */
export const DEFAULT_RESIZE: Resize = { fit: 'stretch', interpolation: 'bilinear' };

/** As recorded with features: `bilinear` (stretched), `crop bicubic`, `crop 256 bicubic`, `pad lanczos`. */
export function formatResize({ fit, interpolation, edge }: Resize): string {
  return [fit === 'stretch' ? undefined : fit, edge, interpolation].filter(Boolean).join(' ');
}

/** Reads what {@link formatResize} wrote. @throws InputError naming `where` it stood */
export function parseResize(text: string, where: string): Resize {
  const [, fit, edge, interpolation] = /^(?:(crop|pad) )?(?:(\d{1,5}) )?([a-z]+)$/.exec(text) ?? [];
  if (interpolation === undefined || (edge !== undefined && fit !== 'crop'))
    throw unexpected('a way of resizing like bilinear or crop 256 bicubic', where, text);
  return {
    fit: asOneOf(fit ?? 'stretch', where, FITS),
    interpolation: asOneOf(interpolation, where, INTERPOLATIONS),
    ...(edge !== undefined && { edge: Number(edge) }),
  };
}

/** `given`, and for what it leaves open, `usual`. The edge belongs to its own fit. */
export function resolveResize(given: Partial<Resize>, usual: Resize): Resize {
  const { fit = usual.fit, interpolation = usual.interpolation } = given;
  const edge = given.edge ?? (given.fit === undefined ? usual.edge : undefined);
  return { fit, interpolation, ...(edge !== undefined && { edge }) };
}

/** Where an image ends up: it is resized to `resized`, whose top left corner lies at `left`, `top` of the frame. */
export interface Placement {
  resized: Size;
  /** Negative where a crop cuts off. */
  left: number;
  top: number;
}

/** The placement of an image of size `image` in `frame`; roundings are those of Hugging Face's image processors. */
export function placement(image: Size, frame: Size, { fit, edge }: Resize): Placement {
  if (fit === 'stretch') return { resized: frame, left: 0, top: 0 };
  const across = frame.width / image.width;
  const down = frame.height / image.height;
  const scale =
    fit === 'pad'
      ? Math.min(across, down)
      : edge === undefined
        ? Math.max(across, down)
        : edge / Math.min(image.width, image.height);
  // Rounding down, but not where only the division made a whole number fall short of itself.
  const pixels = (length: number): number => Math.max(1, Math.floor(length * scale + 1e-6));
  const resized = { width: pixels(image.width), height: pixels(image.height) };
  return {
    resized,
    left: Math.trunc((frame.width - resized.width) / 2),
    top: Math.trunc((frame.height - resized.height) / 2),
  };
}
