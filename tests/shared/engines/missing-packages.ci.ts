/** The built command on machines that lack engines: it goes on with another one, or says in a line what to install. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, permafrost, STACK_TRACE } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));
const root = newFolder();
const store = join(root, 'store');
const head = join(root, 'run');
const photos = join(root, 'photos');

/** A copy of the build beside all packages but some. */
function copyWithout(name: string, isLeftOut: (specifier: string) => boolean): string {
  const folder = join(root, name);
  cpSync(join(PACKAGE, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(PACKAGE, 'package.json'), join(folder, 'package.json'));
  const packages = readdirSync(join(PACKAGE, 'node_modules')).flatMap((entry) =>
    entry.startsWith('@')
      ? readdirSync(join(PACKAGE, 'node_modules', entry)).map((own) => `${entry}/${own}`)
      : entry.startsWith('.')
        ? []
        : [entry],
  );
  for (const specifier of packages) {
    if (isLeftOut(specifier)) continue;
    const link = join(folder, 'node_modules', specifier);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(PACKAGE, 'node_modules', specifier), link);
  }
  return join(folder, 'dist/permafrost.js');
}

const isOnnxruntime = (specifier: string) => specifier === 'onnxruntime-node';
const isTensorflow = (specifier: string) => specifier.startsWith('@tensorflow/');

const extracting = ['--weights', 'none', '--size', '64x48', '--backbone', 'mobilenet_0.25'];
const COMMANDS: Record<string, (out: string) => string[]> = {
  extract: (out) => ['extract', '--data', photos, ...extracting, '--out', out],
  'train-head': (out) => ['train-head', '--features', store, '--epochs', '2', '--out', out],
  predict: () => ['predict', '--head', join(head, 'best'), photos],
};

async function done(args: string[], program?: string): Promise<Outcome> {
  const outcome = await permafrost(args, { program });
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

beforeAll(async () => {
  for (let i = 0; i < 8; i++) {
    const file = join(photos, 'ab'[i % 2], `${i}.png`);
    mkdirSync(dirname(file), { recursive: true });
    const colour = { r: 30 * i, g: 255 - 30 * i, b: 100 };
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background: colour } });
    writeFileSync(file, await image.png().toBuffer());
  }
  await done(COMMANDS.extract(store));
  await done(COMMANDS['train-head'](head));
});

describe('without any engine', () => {
  let program: string;
  beforeAll(() => {
    program = copyWithout('none', (specifier) => isOnnxruntime(specifier) || isTensorflow(specifier));
  });

  const ONNXRUNTIME =
    'Expected the package onnxruntime-node for --engine onnxruntime but it is not installed: npm install onnxruntime-node';
  const TENSORFLOW =
    'Expected a TensorFlow package for --engine tensorflow but tfjs-node-gpu is not installed, tfjs-node is not ' +
    'installed, tfjs-backend-wasm is not installed: npm run setup:tensorflow (add -- --gpu for NVIDIA GPUs), or npm ' +
    'install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm for a slower one that runs everywhere';

  it.each(
    Object.keys(COMMANDS).flatMap((command) =>
      Object.entries({
        auto: `${ONNXRUNTIME}. ${TENSORFLOW}`,
        tensorflow: TENSORFLOW,
      }).map(([engine, line]) => ({ command, engine, line })),
    ),
  )('$command --engine $engine says in a line what to install', async ({ command, engine, line }) => {
    const args = [...COMMANDS[command](join(root, `${command}-${engine}`)), '--engine', engine];
    const { status, stdout, stderr } = await permafrost(args, { program });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(line);
    expect(stderr).not.toMatch(STACK_TRACE);
  });
});

it('goes on with wasm where onnxruntime is missing', async () => {
  const program = copyWithout('wasm', isOnnxruntime);
  const [own, run] = [join(root, 'wasm-store'), join(root, 'wasm-run')];
  await done(COMMANDS.extract(own), program);
  await done(COMMANDS['train-head'](run), program);
  const { summary } = await done([...COMMANDS.predict(''), '--json'], program);
  for (const file of [join(own, 'manifest.json'), join(run, 'best/head.json')])
    expect(readFileSync(file, 'utf8')).toContain('tfjs-backend-wasm');
  // The head was trained with onnxruntime: what it answers here is what it answers there.
  const expected = (await done([...COMMANDS.predict(''), '--json'])).summary;
  const answers = ({ predictions }: Record<string, unknown>) =>
    (predictions as { probabilities: Record<string, number> }[]).map(({ probabilities: { a } }) => a);
  for (const [index, a] of answers(summary).entries()) expect(a).toBeCloseTo(answers(expected)[index], 4);
});
