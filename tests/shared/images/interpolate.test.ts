import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { interpolate, type Pixels, type Resizing } from '../../../src/shared/images/interpolate.ts';
import type { Interpolation, Size } from '../../../src/shared/images/resize.ts';

interface Golden {
  kernel: Interpolation;
  channels: 1 | 3;
  from: [width: number, height: number];
  to: [width: number, height: number];
  sha256: string;
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL('golden/pixels.json', import.meta.url), 'utf8'));

/** As computed in golden/make_pixels_golden.py. */
function computed(width: number, height: number, channels: 1 | 3): Pixels {
  const data = new Uint8Array(width * height * channels);
  let offset = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const patch = (Math.floor(x / 50) + Math.floor(y / 40)) * 90;
      for (let c = 0; c < channels; c++) data[offset++] = (x * 7 + y * 13 + x * y * (c + 1) + patch) % 256;
    }
  }
  return { data, width, height, channels };
}

const whole = (size: Size) => ({ left: 0, top: 0, width: size.width, height: size.height });
const to = (image: Pixels, resized: Size): Resizing => ({
  box: whole(image),
  resized,
  part: whole(resized),
});

describe('interpolate', () => {
  it.each(goldens)(
    'gives the pixels of Pillow: $kernel, $channels channel(s), $from to $to',
    ({ kernel, channels, from, to: [width, height], sha256 }) => {
      const image = computed(...from, channels);
      const rgb = interpolate(image, to(image, { width, height }), kernel);
      expect(createHash('sha256').update(rgb).digest('hex')).toBe(sha256);
    },
  );

  it('leaves pixels that fit alone', () => {
    const image = computed(2, 1, 3);
    expect(interpolate(image, to(image, image), 'lanczos')).toBe(image.data);
    const grey = computed(2, 1, 1);
    expect([...interpolate(grey, to(grey, grey), 'bilinear')]).toEqual([0, 0, 0, 7, 7, 7]);
  });

  it.each(['nearest', 'bilinear', 'lanczos'] as const)('computes the part that is wanted: %s', (kernel) => {
    const image = computed(90, 70, 3);
    const how = to(image, { width: 41, height: 130 });
    const part = { left: 7, top: 31, width: 20, height: 50 };
    const all = interpolate(image, how, kernel);
    const rows = Array.from({ length: part.height }, (_, y) => {
      const start = ((part.top + y) * 41 + part.left) * 3;
      return [...all.subarray(start, start + part.width * 3)];
    });
    expect([...interpolate(image, { ...how, part }, kernel)]).toEqual(rows.flat());
  });
});
