/** The views of an image: which transformation each is, and its pixels. */
import { createHash } from 'node:crypto';
import type { Size } from '../images/resize.ts';
import { random } from '../random.ts';
import { type Augmentation, parseViewKind, type ViewKind } from './augmentation.ts';

/** One drawn view, in the terms of Keras's apply_affine_transform. */
export interface View {
  /** Radians. */
  theta: number;
  /** Shares of the width and of the height. */
  tx: number;
  ty: number;
  /** Radians. */
  shear: number;
  zx: number;
  zy: number;
  flip: boolean;
  /** What all pixels are multiplied by. */
  brightness: number;
  /** A window: its sides as a share of the image's, and how far its middle is from the image's, in shares of the sides. */
  window: { side: number; right: number; down: number };
}

const CHANNELS = 3;
const RADIANS = Math.PI / 180;

/**
 * View `view` (from 1) of the image whose file has this content: the same on every machine, in whatever order images
 * come, and however many views there are.
 * @param sha256 of the image file, in hex
 */
export function drawView(
  { seed, flip, rotate, shift, shear, zoom, brightness, crop }: ViewKind,
  sha256: string,
  view: number,
): View {
  const stream = random(seed, 'view', sha256, view);
  // Every number is drawn whether it is used or not, so that one transformation more leaves the others as they are.
  const within = (range: number) => (2 * stream.uniform() - 1) * range;
  return {
    theta: within(rotate) * RADIANS,
    tx: within(shift),
    ty: within(shift),
    shear: within(shear) * RADIANS,
    zx: 1 + within(zoom),
    zy: 1 + within(zoom),
    flip: stream.uniform() < 0.5 && flip === 1,
    brightness: 1 + within(brightness),
    window: drawWindow(crop, stream),
  };
}

function drawWindow(crop: number, stream: { uniform(): number }): View['window'] {
  const [size, right, down] = [stream.uniform(), stream.uniform() - 0.5, stream.uniform() - 0.5];
  const side = crop === 0 ? 1 : crop + (1 - crop) * size;
  return { side, right: right * (1 - side), down: down * (1 - side) };
}

/** The images that stand for one image: itself, number 0, and its views. */
export interface Views {
  numbers: readonly number[];
  /**
   * The pixels of one of them.
   * @param pixels of the image itself
   * @param sha256 of its file, in hex
   */
  pixels(pixels: Uint8Array, size: Size, sha256: string, view: number): Uint8Array;
}

/** @param augmentation undefined: the image itself is all there is */
export function createViews(augmentation: Augmentation | undefined): Views {
  if (!augmentation) return { numbers: [0], pixels: (pixels) => pixels };
  const kind = parseViewKind(augmentation.kind, '--augment');
  return {
    numbers: Array.from({ length: augmentation.views + 1 }, (_, view) => view),
    pixels: (pixels, size, sha256, view) =>
      view === 0 ? pixels : viewPixels(pixels, size, drawView(kind, sha256, view)),
  };
}

/** SHA-256 of an image file, in hex: what its views are drawn by. */
export function contentHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The pixels of a view: a window of the image rotated, shifted, sheared, zoomed (in this order, about its middle), mirrored and
 * brightened in one bilinear resampling, with the nearest pixel where the image ends.
 *
 * On square images this is Keras's `apply_affine_transform` to rounding; on others Keras turns about a point beside
 * the middle (its centre has height and width exchanged), and this does not.
 * @param pixels RGB, 8 bits a channel, rows from the top
 */
export function viewPixels(pixels: Uint8Array, { width, height }: Size, view: View): Uint8Array {
  const { flip, brightness } = view;
  const { xx, xy, yx, yy, x0, y0 } = affine(view, { width, height });
  const out = new Uint8Array(pixels.length);
  const [right, bottom] = [width - 1, height - 1];
  let o = 0;
  for (let row = 0; row < height; row++) {
    const y = row - bottom / 2;
    for (let column = 0; column < width; column++) {
      const x = (flip ? right - column : column) - right / 2;
      const fromX = Math.min(Math.max(xx * x + xy * y + x0, 0), right);
      const fromY = Math.min(Math.max(yx * x + yy * y + y0, 0), bottom);
      const left = Math.floor(fromX);
      const top = Math.floor(fromY);
      const dx = fromX - left;
      const dy = fromY - top;
      const a = (top * width + left) * CHANNELS;
      // On the last column or row the neighbour has no weight.
      const b = left < right ? a + CHANNELS : a;
      const down = top < bottom ? width * CHANNELS : 0;
      for (let c = 0; c < CHANNELS; c++) {
        const above = pixels[a + c] + (pixels[b + c] - pixels[a + c]) * dx;
        const below = pixels[a + down + c] + (pixels[b + down + c] - pixels[a + down + c]) * dx;
        out[o++] = Math.min(255, (above + (below - above) * dy) * brightness + 0.5);
      }
    }
  }
  return out;
}

/** From a pixel of the view to a place in the image, x and y of the first from the middle: zoom, shear, shift, rotation, window. */
function affine({ theta, tx, ty, shear, zx, zy, window }: View, { width, height }: Size) {
  const { side, right, down } = window;
  const [cos, sin] = [Math.cos(theta), Math.sin(theta)];
  const [shiftX, shiftY] = [tx * width, ty * height];
  return {
    xx: side * cos * zx,
    xy: -side * (cos * Math.sin(shear) + sin * Math.cos(shear)) * zy,
    yx: side * sin * zx,
    yy: side * (cos * Math.cos(shear) - sin * Math.sin(shear)) * zy,
    x0: side * (cos * shiftX - sin * shiftY) + right * width + (width - 1) / 2,
    y0: side * (sin * shiftX + cos * shiftY) + down * height + (height - 1) / 2,
  };
}
