/** Full-size backbones against what Keras and PyTorch say about them (golden/*.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeBackbone, loadBackbone } from '../../src/shared/backbones/load.ts';
import { backboneFacts } from '../../src/shared/backbones/table.ts';
import { ENGINES_UNDER_TEST, type EngineUnderTest, loadUnderTest } from './engines.ts';
import { syntheticPhoto } from './synthetic-photo.ts';

interface Run {
  width: number;
  height: number;
  columns: Record<
    string,
    {
      dimension: number;
      /** Every how-manyth feature is in the sample. */
      every: number;
      photos: { norm: number; sample: number[] }[];
    }
  >;
}

interface KerasGolden {
  parameters: number;
  imagenet: { file: string; address: string; hash?: string };
  /** SHA-256 of the layers with weights in Keras's order, a line each: `name weight:shape ...`. */
  layers: string;
  /** SHA-256 of the layers' names and shapes at NON_SQUARE, a line each, sorted: `name HEIGHTxWIDTHxCHANNELS`. */
  outputs: string;
  runs: Run[];
}

/** NON_SQUARE of golden/make_goldens.py. */
const NON_SQUARE = { width: 227, height: 160 };
/** The engine without a native library is slow: it runs the smallest networks only. */
const SMALL = ['efficientnet_lite0', 'mobilenet_0.25'];

function golden<G>(name: string): G {
  return JSON.parse(
    readFileSync(new URL(`../shared/backbones/golden/${name}.json`, import.meta.url), 'utf8'),
  );
}

/** Compares features with the golden's, on every engine under test; `sizes` leaves the default size out. */
export function compareFeatures(
  name: string,
  {
    sizes = 'both',
    weights = 'none',
    tolerance = 1e-4,
  }: {
    sizes?: 'both' | 'non-square';
    weights?: string;
    tolerance?: number;
  } = {},
): void {
  const { runs } = golden<{ runs: Run[] }>(name);
  const engines = ENGINES_UNDER_TEST.filter(
    (engine) => engine !== 'tfjs-backend-wasm' || SMALL.includes(name),
  );
  const chosen = runs.filter(({ width, height }) => sizes === 'both' || width !== height);
  for (const { width, height, columns } of chosen) {
    it.each(engines)(`${name} at ${width}x${height} gives the reference's features on %s`, async (engine) => {
      const computed = await features(engine, { name, weights, width, height }, Object.keys(columns));
      for (const [column, { dimension, every, photos }] of Object.entries(columns)) {
        const rows = computed[column];
        rows.forEach((row, photo) => {
          expect(row).toHaveLength(dimension);
          const sample = row.filter((_, index) => index % every === 0);
          expect(relativeError(sample, photos[photo].sample), column).toBeLessThan(tolerance);
          expect(Math.abs(norm(row) / photos[photo].norm - 1), column).toBeLessThan(tolerance);
        });
        // Equal numbers prove something only where the input still shows in them.
        expect(relativeError(rows[0], rows[1]), column).toBeGreaterThan(0.1);
      }
    });
  }
}

/** Compares layers, shapes, parameters and the file of weights with the golden's. */
export function compareDescription(name: string): void {
  describe(name, () => {
    const { parameters, imagenet, layers, outputs } = golden<KerasGolden>(name);

    it('has the parameters and the published weights that Keras names', () => {
      const facts = backboneFacts(name);
      expect(facts.parameters).toBe(parameters);
      expect(facts.weights).toEqual(imagenet);
    });

    it('has the layers of Keras, in its order, under its names', () => {
      const shape = describeBackbone({ name, poolings: [], size: NON_SQUARE });
      const weighted = shape.layers.map(({ layer, weights }) =>
        [layer, ...weights.map((weight) => `${weight.name}:${weight.shape.join('x')}`)].join(' '),
      );
      // Left out there: what rescales pixels, and what lies behind the pooling.
      const named = [...shape.outputs]
        .filter(([layer, value]) => layer !== 'rescaling' && value.shape.length === 4)
        .map(([layer, { shape }]) => `${layer} ${shape.slice(1).join('x')}`);
      expect(digest(weighted), show(weighted)).toBe(layers);
      expect(digest(named.sort(byCodeUnit)), show(named)).toBe(outputs);
    });
  });
}

async function features(
  engine: EngineUnderTest,
  network: { name: string; weights: string; width: number; height: number },
  columns: string[],
): Promise<Record<string, Float32Array[]>> {
  const { name, weights, width, height } = network;
  const { graph } = await loadBackbone({ name, weights, size: { width, height }, poolings: columns });
  const program = await (await loadUnderTest(engine)).compile(graph);
  const pixels = new Uint8Array(2 * width * height * 3);
  pixels.set(syntheticPhoto(0, width, height));
  pixels.set(syntheticPhoto(1, width, height), width * height * 3);
  const computed = await program.run({ pixels });
  await program.release();
  return Object.fromEntries(
    columns.map((column) => {
      const both = computed[column];
      return [column, [both.subarray(0, both.length / 2), both.subarray(both.length / 2)]];
    }),
  );
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}

function relativeError(received: ArrayLike<number>, expected: ArrayLike<number>): number {
  return norm(Array.from(expected, (value, index) => value - received[index])) / norm(expected);
}

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** The lines behind a digest, when SHOW is set as for make_goldens.py, to compare the two. */
function show(lines: readonly string[]): string {
  return process.env.SHOW ? lines.join('\n') : 'digest (SHOW=1 prints the lines)';
}
