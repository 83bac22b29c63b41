/** What stays together when rows are divided: copies, groups, near copies. */
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { groupIdsOf } from '../../../src/shared/dataset/leakage.ts';
import { splitRows } from '../../../src/shared/dataset/splits.ts';
import { decodeImage } from '../../../src/shared/images/decode.ts';
import { perceptualHash } from '../../../src/shared/images/phash.ts';
import { random } from '../../../src/shared/random.ts';
import { hashesOf } from '../../support/content-hashes.ts';

const nothing = (count: number): null[] => Array.from({ length: count }, () => null);

describe('rows', () => {
  it('belong together through copies and groups, also through several of them', () => {
    const groupIds = groupIdsOf({
      hashes: hashesOf(['a', 'b', 'a', 'c', 'd', 'e']),
      groups: ['p', 'p', null, 'q', 'q', null],
      phashes: nothing(6),
    });
    expect([...groupIds]).toEqual([0, 0, 0, 3, 3, 5]);
  });

  it('belong together when their perceptual hashes are near, as comparing all pairs says', () => {
    const stream = random(3, 'hashes');
    const bit = () => BigInt(stream.integer(64));
    const phashes = Array.from({ length: 40 }, () => {
      let hash = 0n;
      for (let i = 0; i < 64; i++) hash |= BigInt(stream.integer(2)) << BigInt(i);
      return hash;
    }).flatMap((hash) => [
      hash,
      hash ^ (1n << bit()) ^ (1n << bit()),
      hash ^ ((0xffn << bit()) % (1n << 64n)),
    ]);
    const hex = phashes.map((hash) => (hash & (2n ** 64n - 1n)).toString(16).padStart(16, '0'));
    const hashes = hashesOf(hex.map((_, i) => String(i).padStart(3, '0')));
    const far = (a: string, b: string) =>
      [...(BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2)].filter((digit) => digit === '1').length;
    for (const bits of [0, 2, 5]) {
      const groupIds = groupIdsOf({ hashes, groups: nothing(hex.length), phashes: hex }, bits);
      for (let a = 0; a < hex.length; a++) {
        for (let b = 0; b < a; b++) if (far(hex[a], hex[b]) <= bits) expect(groupIds[a]).toBe(groupIds[b]);
      }
      const apart = groupIds.filter((one, i) => one !== i).length;
      expect(apart > 0).toBe(bits > 0);
    }
  });

  it('of re-encoded, resized and brightened photos are near, of other photos are not', async () => {
    const size = { width: 96, height: 96 };
    const scene = (seed: number) => {
      const stream = random(seed, 'scene');
      const shapes = Array.from({ length: 12 }, () => {
        const [x, y, r] = [stream.integer(300), stream.integer(200), 10 + stream.integer(60)];
        return `<circle cx="${x}" cy="${y}" r="${r}" fill="hsl(${stream.integer(360)},60%,${20 + stream.integer(60)}%)"/>`;
      });
      return sharp(Buffer.from(`<svg width="300" height="200">${shapes.join('')}</svg>`)).flatten();
    };
    const hashOf = async (image: Sharp) =>
      perceptualHash(await decodeImage(await image.toBuffer(), size), size);
    const original = await hashOf(scene(1).png());
    const copies = await Promise.all([
      hashOf(scene(1).jpeg({ quality: 60 })),
      hashOf(scene(1).resize(150, 100).webp({ quality: 80 })),
      hashOf(scene(1).modulate({ brightness: 1.1 }).png()),
    ]);
    const others = await Promise.all([2, 3, 4, 5, 6].map((seed) => hashOf(scene(seed).png())));
    const phashes = [original, ...copies, ...others];
    const groupIds = groupIdsOf(
      { hashes: hashesOf(phashes.map((_, i) => String(i))), groups: nothing(9), phashes },
      4,
    );
    expect([...groupIds]).toEqual([0, 0, 0, 0, 4, 5, 6, 7, 8]);
  });

  it('of images without contrast are near to nothing', () => {
    const grey = new Uint8Array(64 * 48 * 3).fill(90);
    expect(perceptualHash(grey, { width: 64, height: 48 })).toBeNull();
    // Images smaller than the cells of the hash have one all the same.
    expect(
      perceptualHash(
        grey.map((_, i) => i % 251),
        { width: 8, height: 6 },
      ),
    ).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('a stable split', () => {
  const divide = (names: string[]) => {
    const labels = names.map((name) => Number.parseInt(name.slice(1), 10) % 2);
    const assignment = splitRows({
      targets: Uint8Array.from(labels.flatMap((label) => [1 - label, label])),
      rows: names.length,
      classes: ['a', 'b'],
      task: 'multiclass',
      groupIds: Int32Array.from(names.keys()),
      hashes: hashesOf(names),
      fixed: names.map(() => null),
      ratios: [70, 15, 15],
      seed: 0,
      stable: true,
    });
    return new Map(
      (['train', 'val', 'test'] as const).flatMap((split) =>
        Array.from(assignment[split], (row) => [names[row], split]),
      ),
    );
  };

  it('leaves every image in its split when others are added, removed and reordered', () => {
    const names = Array.from({ length: 400 }, (_, i) => `i${i}`);
    const before = divide(names);
    const after = divide([...names.slice(50).reverse(), ...names.map((name) => `${name}5`)]);
    for (const name of names.slice(50)) expect(after.get(name)).toBe(before.get(name));
    const share = [...before.values()].filter((split) => split === 'train').length / names.length;
    expect(Math.abs(share - 0.7)).toBeLessThan(0.08);
  });
});
