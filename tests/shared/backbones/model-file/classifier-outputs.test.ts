/** ONNX models that end in probabilities or labels: fixtures by golden/make_classifiers.py. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openModelBackbone } from '../../../../src/shared/backbones/model-file/open.ts';
import { InputError } from '../../../../src/shared/errors.ts';

const SIDE = 8;
const open = (name: string, poolings: string[], info?: (message: string) => void) =>
  openModelBackbone({
    path: fileURLToPath(new URL(`golden/${name}.onnx`, import.meta.url)),
    preprocess: 'none',
    resize: {},
    poolings,
    engine: {},
    info,
  });

describe('answers are no features', () => {
  it.each([
    ['ends_in_softmax', 'answers/avg', 'ends in Softmax'],
    ['ends_in_division', 'avg', 'gives numbers from 0 to 1 that sum to 1, probabilities'],
    ['ends_in_zipmap', 'answers/avg', 'ends in ZipMap'],
    ['ends_in_zipmap', 'label/avg', 'ends in ArgMax'],
  ])('%s, %s', async (name, column, why) => {
    const refused = await open(name, [column]).catch((thrown) => thrown);
    expect(refused).toBeInstanceOf(InputError);
    expect(refused.message).toContain(`${name}.onnx but it ${why}: pass --layer "features", which its`);
  });

  it('what the last layer is fed is taken where nobody names a layer, and said', async () => {
    const said: string[] = [];
    const { program, description } = await open('ends_in_softmax', ['avg'], (message) => said.push(message));
    await program.release();
    expect(description.columns).toEqual([{ name: 'avg', dimension: 3 }]);
    expect(said).toEqual([
      expect.stringMatching(
        /^answers of .*ends_in_softmax.onnx has a score for each class: features are features, which its last layer is fed \(--layer chooses another\)$/,
      ),
    ]);
  });

  it.each(['ends_in_softmax', 'ends_in_division', 'ends_in_zipmap'])(
    'what comes before them can be had: %s',
    async (name) => {
      const { program, description } = await open(name, ['features/avg', 'logits/avg']);
      const pixels = new Uint8Array(2 * SIDE * SIDE * 3);
      for (let index = 0; index < pixels.length; index++)
        pixels[index] = (index % 3) * 10 + (index < pixels.length / 2 ? 1 : 2);
      const computed = await program.run({ pixels });
      await program.release();
      expect(description.columns).toEqual([
        { name: 'features/avg', dimension: 3 },
        { name: 'logits/avg', dimension: 4 },
      ]);
      expect([...computed['features/avg']].map((value) => Math.round(value * 1e3) / 1e3)).toEqual([
        1, 11, 21, 2, 12, 22,
      ]);
      // Kernel and bias of make_classifiers.py.
      const logit = [1, 11, 21].reduce(
        (sum, value, row) => sum + value * (-1 + (2 * (row * 4 + 1)) / 11),
        1 / 4,
      );
      expect(computed['logits/avg'][1]).toBeCloseTo(logit, 4);
    },
  );
});
