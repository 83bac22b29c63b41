/** Draws leaves with rust spots, mildew patches, both or neither: a small multi-label data set, the same for a seed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Random, random } from '../src/shared/random.ts';

/** Pixels of a side. */
const SIDE = 256;

/** What a leaf has; a healthy one has neither. */
export interface Disease {
  rust: boolean;
  mildew: boolean;
}

/**
 * Draws `count` leaves into `dir` and lists them in labels.csv (columns path, rust, mildew); returns its path.
 * Half of the leaves have rust, half have mildew, independently.
 */
export async function drawLeaves(
  dir: string,
  { count, seed }: { count: number; seed: number },
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const lines = ['path,rust,mildew'];
  for (let number = 0; number < count; number++) {
    const stream = random(seed, 'leaf', number);
    const disease = { rust: stream.uniform() < 0.5, mildew: stream.uniform() < 0.5 };
    const name = `leaf-${String(number).padStart(4, '0')}.jpg`;
    await sharp(Buffer.from(leafSvg(disease, stream)))
      .jpeg({ quality: 88 })
      .toFile(join(dir, name));
    lines.push(`${name},${Number(disease.rust)},${Number(disease.mildew)}`);
  }
  const path = join(dir, 'labels.csv');
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

/** Draws one leaf into a JPEG file of 256x256 pixels. */
export async function drawLeaf(path: string, disease: Disease, stream: Random): Promise<void> {
  await sharp(Buffer.from(leafSvg(disease, stream)))
    .jpeg({ quality: 88 })
    .toFile(path);
}

/** One leaf on a blurred background. */
function leafSvg({ rust, mildew }: Disease, stream: Random): string {
  const between = (low: number, high: number): number => low + (high - low) * stream.uniform();
  const shape = { length: between(80, 112), width: between(28, 62), belly: between(0.3, 0.7) };
  const hue = between(70, 135);
  const lightness = between(22, 42);
  const [x, y, turn] = [between(112, 144), between(112, 144), between(0, 360)];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">
<defs>
<clipPath id="leaf"><path d="${outline(shape)}"/></clipPath>
<filter id="far" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="14"/></filter>
<filter id="soft" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="${between(1.5, 4)}"/></filter>
<linearGradient id="blade" x1="0" y1="0" x2="1" y2="0">
<stop offset="0" stop-color="hsl(${hue}, 55%, ${lightness + 6}%)"/><stop offset="1" stop-color="hsl(${hue}, 50%, ${lightness - 6}%)"/>
</linearGradient>
</defs>
${background(between)}
<g transform="translate(${x} ${y}) rotate(${turn})">
<path d="${outline(shape)}" fill="url(#blade)"/>
<g clip-path="url(#leaf)">
${veins(shape, `hsl(${hue}, 40%, ${lightness + 14}%)`)}
${specks(shape, between)}
${glare(shape, between)}
${rust ? rustSpots(shape, between) : ''}
${mildew ? mildewPatches(shape, between) : ''}
</g>
<path d="M0 ${shape.length} q${between(-8, 8)} 14 ${between(-12, 12)} 28" stroke="hsl(${hue}, 35%, 25%)" stroke-width="3" fill="none"/>
</g>
<rect width="${SIDE}" height="${SIDE}" fill="${between(0, 1) < 0.5 ? 'black' : 'hsl(45, 80%, 80%)'}" opacity="${between(0, 0.25)}"/>
</svg>`;
}

type Between = (low: number, high: number) => number;

/** A leaf around the origin, tip up: half its length, half its width, and where it is widest (0 tip, 1 stalk). */
interface Shape {
  length: number;
  width: number;
  belly: number;
}

function outline({ length, width, belly }: Shape): string {
  const widest = (belly - 0.5) * length;
  const side = (sign: number, from: number, to: number) =>
    `C${sign * width * 1.3} ${widest - from * length * 0.5} ${sign * width * 1.3} ${widest + from * length * 0.5} 0 ${to}`;
  return `M0 ${-length} ${side(1, 1, length)} ${side(-1, -1, -length)} Z`;
}

/** A place on the blade, seldom outside it (where the clip path hides it). */
function place({ length, width }: Shape, between: Between): [number, number] {
  const along = between(-0.8, 0.8);
  const reach = width * (1 - along * along) * 0.9;
  return [between(-reach, reach), along * length];
}

/** Soil, wood or grass, out of focus. */
function background(between: Between): string {
  const hue = between(15, 130);
  const blobs = Array.from({ length: 12 }, () => {
    const colour = `hsl(${hue + between(-25, 25)}, ${between(10, 45)}%, ${between(15, 75)}%)`;
    return `<circle cx="${between(0, SIDE)}" cy="${between(0, SIDE)}" r="${between(20, 70)}" fill="${colour}"/>`;
  });
  return `<rect width="${SIDE}" height="${SIDE}" fill="hsl(${hue}, 25%, ${between(20, 70)}%)"/>
<g filter="url(#far)">${blobs.join('')}</g>`;
}

function veins({ length, width }: Shape, colour: string): string {
  const side = [-0.6, -0.35, -0.1, 0.15, 0.4, 0.65].map((position) => {
    const y = position * length;
    return `M0 ${y} L${width} ${y - width * 0.6} M0 ${y} L${-width} ${y - width * 0.6}`;
  });
  return `<path d="M0 ${-length} L0 ${length} ${side.join(' ')}" stroke="${colour}" stroke-width="1.4" fill="none"/>`;
}

/** Dirt, on healthy and sick leaves alike: as small as rust, but dark and grey. */
function specks(shape: Shape, between: Between): string {
  const spots = Array.from({ length: Math.floor(between(0, 10)) }, () => {
    const [x, y] = place(shape, between);
    return `<circle cx="${x}" cy="${y}" r="${between(0.8, 2.6)}" fill="hsl(30, 20%, ${between(10, 25)}%)"/>`;
  });
  return spots.join('');
}

/** Light on a wet leaf, on healthy and sick leaves alike: as pale as mildew, but long and smooth. */
function glare(shape: Shape, between: Between): string {
  const streaks = Array.from({ length: Math.floor(between(0, 3)) }, () => {
    const [x, y] = place(shape, between);
    return `<ellipse cx="${x}" cy="${y}" rx="${between(3, 8)}" ry="${between(14, 34)}" fill="white" opacity="${between(0.1, 0.45)}"/>`;
  });
  return `<g filter="url(#soft)">${streaks.join('')}</g>`;
}

/** Small orange-brown pustules with a yellow rim. */
function rustSpots(shape: Shape, between: Between): string {
  const spots = Array.from({ length: Math.floor(between(5, 45)) }, () => {
    const [x, y] = place(shape, between);
    const radius = between(1.2, 3.6);
    const colour = `hsl(${between(14, 32)}, ${between(55, 90)}%, ${between(28, 48)}%)`;
    return (
      `<circle cx="${x}" cy="${y}" r="${radius * 1.5}" fill="hsl(50, 70%, 50%)" opacity="0.35"/>` +
      `<ellipse cx="${x}" cy="${y}" rx="${radius}" ry="${radius * between(0.7, 1)}" fill="${colour}"/>`
    );
  });
  return spots.join('');
}

/** White, powdery patches: clusters of faint discs. */
function mildewPatches(shape: Shape, between: Between): string {
  const patches = Array.from({ length: Math.floor(between(2, 6)) }, () => {
    const [x, y] = place(shape, between);
    const size = between(7, 20);
    const density = between(0.12, 0.35);
    return Array.from({ length: 9 }, () => {
      const [dx, dy] = [between(-size, size), between(-size, size)];
      return `<circle cx="${x + dx}" cy="${y + dy}" r="${between(0.3, 0.8) * size}" fill="hsl(90, 8%, 92%)" opacity="${density}"/>`;
    }).join('');
  });
  return `<g filter="url(#soft)">${patches.join('')}</g>`;
}
