/**
 * Every network of Keras Applications in all ways that its constructor offers, saved by Keras in three formats: features are
 * Keras's, or the file is refused. PERMAFROST_KERAS_PYTHON names a Python with Keras; FAMILIES=vgg,resnet runs some of them.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadBackbone } from '../../../../src/shared/backbones/load.ts';
import { loadEngine } from '../../../../src/shared/engines/engine.ts';
import { messageOf } from '../../../../src/shared/errors.ts';
import { newFolder } from '../../../command.ts';
import { syntheticPhoto } from '../synthetic-photo.ts';

const PYTHON = process.env.PERMAFROST_KERAS_PYTHON;
const FAMILIES = process.env.FAMILIES?.split(',') ?? [
  ...[
    'vgg',
    'resnet',
    'resnet_v2',
    'inception_v3',
    'inception_resnet_v2',
    'xception',
    'mobilenet',
    'mobilenet_v2',
  ],
  ...['mobilenet_v3', 'densenet', 'nasnet', 'efficientnet', 'efficientnet_v2', 'convnext'],
];
const SCRIPT = fileURLToPath(new URL('make_configurations.py', import.meta.url));
const FORMATS = ['h5', 'weights.h5', 'keras'] as const;

/** What make_configurations.py says of the files that it has written. */
interface Saved {
  family: string;
  choice: string;
  backbone: string;
  size: number;
  features: number[][];
}

/** Ways that no network of permafrost is built in, or that a file does not tell: whole models, and files of weights. */
const REFUSED = new Set([
  ...[
    'alpha=0.6, as no published one',
    'depth_multiplier=2',
    'minimalistic, given as the other',
    'two networks',
  ],
  ...['a stride changed', 'Lambda(lambda x: x / 255)', 'Resizing to another size'],
]);
const REFUSED_WEIGHTS = new Set([
  ...[
    'input_tensor',
    'Sequential, Rescaling(1/255) in front of its own',
    'Sequential, Rescaling(1/127.5, -1)',
  ],
  ...[
    'Sequential, Rescaling(1/255)',
    'Lambda(preprocess_input)',
    'Resizing to its size',
    'Normalization with numbers',
  ],
  ...['Normalization, adapted', 'means of other photos, corrected'],
]);
/** What a file of weights does not tell, and a note says. */
const UNSEEN_IN_WEIGHTS = new Set(['a stride changed']);

if (!PYTHON)
  process.stderr.write('Keras files are not compared with Keras: PERMAFROST_KERAS_PYTHON names no Python\n');

it.skipIf(!PYTHON).each(FAMILIES)('files of %s give the features of Keras or are refused', async (family) => {
  const folder = newFolder();
  const engine = await loadEngine('onnxruntime');
  const keras = spawn(PYTHON!, [SCRIPT, folder, family], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve) => keras.once('exit', resolve));
  const wrong: string[] = [];
  for await (const line of createInterface({ input: keras.stdout })) {
    if (!line.startsWith('{')) continue;
    const saved: Saved = JSON.parse(line);
    for (const format of FORMATS) {
      const outcome = await compare(saved, join(folder, `model.${format}`));
      const row = `${saved.family} | ${saved.choice} | .${format} | ${outcome.text}`.replaceAll(
        `${folder}/`,
        '',
      );
      process.stdout.write(`${row}\n`);
      if (outcome.is !== expected(saved.choice, format)) wrong.push(row);
    }
    keras.stdin.write('\n');
  }
  expect(await ended).toBe(0);
  expect(wrong).toEqual([]);

  async function compare({ backbone, size: side, features }: Saved, weights: string) {
    const notes: string[] = [];
    const note = (text: string) => void notes.push(text);
    const size = { width: side, height: side };
    try {
      const { graph } = await loadBackbone({ name: backbone, weights, size, poolings: ['avg'], note });
      const program = await engine.compile(graph);
      const photos = ([0, 1] as const).map((number) => syntheticPhoto(number, side, side));
      const { avg } = await program.run({ pixels: Buffer.concat(photos) });
      await program.release();
      const half = avg.length / 2;
      const difference = Math.max(
        ...features.map((row, at) => distance(row, avg.subarray(at * half, (at + 1) * half))),
      );
      const isNoted = notes.some((text) => text.includes('has weights only'));
      const is = difference < 1e-4 ? 'equal' : isNoted ? 'noted' : 'another';
      return { is, text: [`${is}, ${difference.toExponential(1)}`, ...notes].join(' | ') };
    } catch (thrown) {
      return { is: 'refused', text: `refused | ${messageOf(thrown)}` };
    }
  }
});

function expected(choice: string, format: (typeof FORMATS)[number]): string {
  if (format === 'weights.h5' && UNSEEN_IN_WEIGHTS.has(choice)) return 'noted';
  return REFUSED.has(choice) || (format === 'weights.h5' && REFUSED_WEIGHTS.has(choice))
    ? 'refused'
    : 'equal';
}

function distance(expected: readonly number[], found: Float32Array): number {
  return Math.hypot(...expected.map((value, at) => value - found[at])) / Math.hypot(...expected);
}
