/**
 * Every network of Keras Applications in all ways that its constructor offers, saved by Keras in three formats: features are
 * Keras's, or the file is refused. PERMAFROST_KERAS_PYTHON names a Python with Keras; FAMILIES=vgg,resnet runs some of them.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { InputError, messageOf, UsageError } from '../../../../src/shared/errors.ts';
import { newFolder } from '../../../support/folders.ts';
import { difference, kerasFeatures } from '../../../support/keras-features.ts';

const PYTHON = process.env.PERMAFROST_KERAS_PYTHON;
const FAMILIES = process.env.FAMILIES?.split(',') ?? [
  'vgg',
  'resnet',
  'resnet_v2',
  'inception_v3',
  'inception_resnet_v2',
  'xception',
  'mobilenet',
  'mobilenet_v2',
  'mobilenet_v3',
  'densenet',
  'nasnet',
  'efficientnet',
  'efficientnet_v2',
  'convnext',
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
  'alpha=0.6, as no published one',
  'depth_multiplier=2',
  'minimalistic, given as the other',
  'two networks',
  'a stride changed',
  'Lambda(lambda x: x / 255)',
  'Resizing to another size',
]);
const REFUSED_WEIGHTS = new Set([
  'input_tensor',
  'Sequential, Rescaling(1/255) in front of its own',
  'Sequential, Rescaling(1/127.5, -1)',
  'Sequential, Rescaling(1/255)',
  'Lambda(preprocess_input)',
  'Resizing to its size',
  'Normalization with numbers',
  'Normalization, adapted',
  'means of other photos, corrected',
]);
/** A top renames the last normalization of ConvNeXt, a name of its own all layers; their order does not tell where they are. */
const REFUSED_WEIGHTS_OF: Record<string, string[]> = {
  convnext: ['include_top, classes=7, no activation', 'pooling=max, another name'],
};
/** What a file of weights does not tell, and a note says. */
const UNSEEN_IN_WEIGHTS = new Set(['a stride changed']);

if (!PYTHON)
  process.stderr.write('Keras files are not compared with Keras: PERMAFROST_KERAS_PYTHON names no Python\n');

(PYTHON ? it.concurrent : it.skip).each(FAMILIES)(
  'files of %s give the features of Keras or are refused',
  async (family) => {
    const folder = newFolder();
    const keras = spawn(PYTHON!, [SCRIPT, folder, family], { stdio: 'pipe' });
    let said = '';
    keras.stderr.on('data', (text) => {
      said = `${said}${text}`.slice(-2000);
    });
    const ended = new Promise<number | null>((resolve) => keras.once('exit', resolve));
    const wrong: string[] = [];
    let rows = 0;
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
        rows++;
        if (outcome.is !== expected(saved, format)) wrong.push(row);
      }
      keras.stdin.write('\n');
    }
    rmSync(folder, { recursive: true });
    expect(await ended, said).toBe(0);
    expect(wrong).toEqual([]);
    expect(rows).toBeGreaterThan(0);

    async function compare({ backbone, size, features }: Saved, path: string) {
      const notes: string[] = [];
      try {
        const found = await kerasFeatures({ path, backbone, size: { width: size, height: size }, notes });
        const largest = difference(found, features);
        const isNoted = notes.some((text) => text.includes('has weights only'));
        const is = largest < 1e-4 ? 'equal' : isNoted ? 'noted' : 'another';
        return { is, text: [`${is}, ${largest.toExponential(1)}`, ...notes].join(' | ') };
      } catch (thrown) {
        // Anything but a sentence for the user is a crash.
        const is = thrown instanceof InputError || thrown instanceof UsageError ? 'refused' : 'crashed';
        return { is, text: `${is} | ${messageOf(thrown)}` };
      }
    }
  },
);

function expected({ family, choice }: Saved, format: (typeof FORMATS)[number]): string {
  const isWeights = format === 'weights.h5';
  if (isWeights && UNSEEN_IN_WEIGHTS.has(choice)) return 'noted';
  if (REFUSED.has(choice)) return 'refused';
  if (!isWeights) return 'equal';
  return REFUSED_WEIGHTS.has(choice) || REFUSED_WEIGHTS_OF[family]?.includes(choice) ? 'refused' : 'equal';
}
