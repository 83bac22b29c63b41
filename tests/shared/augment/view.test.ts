import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  formatViewKind,
  parseAugmentation,
  parseViewKind,
} from '../../../src/shared/augment/augmentation.ts';
import { contentHash, drawView, type View, viewPixels } from '../../../src/shared/augment/view.ts';

const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as {
  view: Partial<View>;
  pixels: number[];
}[];
const WHOLE = { side: 1, right: 0, down: 0 };
const AS_IT_IS: View = {
  theta: 0,
  tx: 0,
  ty: 0,
  shear: 0,
  zx: 1,
  zy: 1,
  flip: false,
  brightness: 1,
  window: WHOLE,
};
const hashes = Array.from({ length: 400 }, (_, i) => contentHash(Buffer.from(String(i))));

/** make_golden.py draws the same. */
function made(size: number): Uint8Array {
  return Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % size, Math.floor(i / 3 / size)];
    return (x * 13 + y * 7 * (c + 1) + x * y * 3) % 256;
  });
}

describe('the pixels of a view', () => {
  it.each(golden)("are Keras's for $view", ({ view, pixels }) => {
    const found = viewPixels(made(16), { width: 16, height: 16 }, { ...AS_IT_IS, ...view });
    const differences = pixels.map((value, i) => Math.abs(value - found[i]));
    // Keras keeps fractions, and cuts them off where it changes the brightness.
    expect(Math.max(...differences)).toBeLessThanOrEqual(view.brightness ? 2 : 0.51);
  });

  it('of no transformation are those of the image', () => {
    const pixels = made(16);
    expect(viewPixels(pixels, { width: 16, height: 16 }, AS_IT_IS)).toEqual(pixels);
  });

  it('turn about the middle of an image that is not square', () => {
    const pixels = new Uint8Array(9 * 5 * 3);
    pixels.fill(200, (2 * 9 + 4) * 3, (2 * 9 + 5) * 3);
    const turned = viewPixels(pixels, { width: 9, height: 5 }, { ...AS_IT_IS, theta: Math.PI });
    expect(turned).toEqual(pixels);
  });
});

describe('a window', () => {
  const size = 16;
  const at = (pixels: Uint8Array, column: number, row: number) => pixels[(row * size + column) * 3];
  /** Numbers that grow by 10 a column and 1 a row, which interpolation keeps. */
  const slope = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return (pixel % size) * 10 + Math.floor(pixel / size);
  });
  const seen = (view: Partial<View>) =>
    viewPixels(slope, { width: size, height: size }, { ...AS_IT_IS, ...view });

  it('fills the view: the upper right quarter of the image', () => {
    const view = seen({ window: { side: 0.5, right: 0.25, down: -0.25 } });
    const corners = [
      at(view, 0, 0),
      at(view, size - 1, 0),
      at(view, 0, size - 1),
      at(view, size - 1, size - 1),
    ];
    // Columns 7.75 to 15 and rows 0 to 7.25, by pixels' middles: a view has two pixels for each of the quarter's.
    expect(corners).toEqual([78, 150, 85, 157]);
  });
});

describe('the views of an image', () => {
  const { kind } = parseAugmentation('4:flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.3', 5);
  const views = hashes.map((hash) => drawView(parseViewKind(kind, 'test'), hash, 1));

  it('spread over the ranges that were asked for', () => {
    const ranges: [keyof View, number, number][] = [
      ['theta', -Math.PI / 6, Math.PI / 6],
      ['tx', -0.2, 0.2],
      ['ty', -0.2, 0.2],
      ['shear', -Math.PI / 18, Math.PI / 18],
      ['zx', 0.8, 1.2],
      ['zy', 0.8, 1.2],
      ['brightness', 0.7, 1.3],
    ];
    for (const [name, low, high] of ranges) {
      const values = views.map((view) => Number(view[name]));
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.min(...values)).toBeLessThan(low + (high - low) * 0.05);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
      expect(Math.max(...values)).toBeGreaterThan(high - (high - low) * 0.05);
    }
    const flipped = views.filter(({ flip }) => flip).length;
    expect(Math.abs(flipped - hashes.length / 2)).toBeLessThan(50);
  });

  it('show windows of all sizes that were asked for, inside the image', () => {
    const kind = parseViewKind(parseAugmentation('1:crop=0.6', 5).kind, 'test');
    const windows = hashes.map((hash) => drawView(kind, hash, 1).window);
    const sides = windows.map(({ side }) => side);
    expect(Math.min(...sides)).toBeGreaterThanOrEqual(0.6);
    expect(Math.min(...sides)).toBeLessThan(0.62);
    expect(Math.max(...sides)).toBeGreaterThan(0.98);
    for (const { side, right, down } of windows) {
      expect(Math.abs(right) + side / 2).toBeLessThanOrEqual(0.5);
      expect(Math.abs(down) + side / 2).toBeLessThanOrEqual(0.5);
    }
  });

  it('follow from content, number and seed alone, and one transformation more leaves the others', () => {
    const draw = (list: string, seed: number, view: number) =>
      drawView(parseViewKind(parseAugmentation(`9:${list}`, seed).kind, 'test'), hashes[0], view);
    expect(draw('rotate=30', 5, 1)).toEqual(draw('rotate=30', 5, 1));
    expect(draw('rotate=30', 5, 1)).not.toEqual(draw('rotate=30', 5, 2));
    expect(draw('rotate=30', 5, 1)).not.toEqual(draw('rotate=30', 6, 1));
    expect(draw('rotate=30,flip', 5, 1).theta).toBe(draw('rotate=30', 5, 1).theta);
    expect(draw('rotate=30,crop=0.7', 5, 1)).toEqual({
      ...draw('rotate=30', 5, 1),
      window: expect.anything(),
    });
  });
});

describe('--augment', () => {
  it('is the same kind of views whatever the order and the number', () => {
    const written = parseAugmentation('4:zoom=0.20,flip', 3);
    expect(written).toEqual({ views: 4, kind: 'flip,zoom=0.2;seed=3' });
    expect(parseAugmentation('7:flip=1,zoom=0.2', 3).kind).toBe(written.kind);
    expect(formatViewKind(parseViewKind(written.kind, 'test'))).toBe(written.kind);
  });

  it.each([
    ['flip', 'N:flip,rotate=30'],
    ['0:flip', 'N:flip,rotate=30'],
    ['1001:flip', 'N:flip,rotate=30'],
    [
      '4:',
      'N:flip,rotate=30,shift=0.2,shear=10,zoom=0.2,brightness=0.2,crop=0.7 (N views of any of these) for --augment but received "4:"',
    ],
    ['4:spin=3', 'N:flip,rotate=30'],
    ['4:flip,flip', 'each transformation once'],
    ['4:flip=2', 'flip alone, or 1'],
    ['4:rotate', 'degrees above 0, up to 180, for rotate of --augment'],
    ['4:rotate=200', 'degrees above 0, up to 180, for rotate of --augment'],
    ['4:shift=1', 'a share above 0 and below 1 for shift of --augment'],
    ['4:crop=1', 'a share above 0 and below 1 for crop of --augment'],
    ['4:zoom=NaN', 'a share above 0 and below 1 for zoom of --augment'],
  ])('refuses %s', (text, message) => {
    expect(() => parseAugmentation(text, 0)).toThrow(`Expected ${message}`);
  });
});
