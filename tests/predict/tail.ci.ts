/** Predictions of heads behind a trained tail: every way to predict gives what the cut network gives. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../../src/predict/library.ts';
import { permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { largestDifference, type TailedHead, writeTailedHead } from '../support/tailed-head.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
const AUGMENT = { views: 2, kind: 'flip,rotate=20;seed=1' };

type Prediction = { probabilities: Record<string, number> };

const probabilities = (predictions: readonly Prediction[]): Float32Array =>
  Float32Array.from(predictions.flatMap((prediction) => Object.values(prediction.probabilities)));

describe.each([
  ['mobilenet_v2_0.35', {}],
  ['vgg16', { from: 'block5_conv3', batchNorm: 'insert' }],
] as const)('%s with %j', (name, tail) => {
  let tailed: TailedHead;

  beforeAll(async () => {
    tailed = await writeTailedHead(newFolder(), name, tail, { record: { augment: AUGMENT } });
  });

  const expectSame = (received: Float32Array): void => {
    expect(tailed.spread).toBeGreaterThan(0.002);
    expect(largestDifference(received, tailed.expected)).toBeLessThan(1e-5);
  };

  it('predicts in a program', async () => {
    const { head, photos } = tailed;
    const predictions = await predict({ head, images: photos });
    expectSame(Float32Array.from(predictions.flatMap((prediction) => [...prediction.probabilities])));
  });

  it('predicts by the command, averages views and serves', async () => {
    const { dir, photos } = tailed;
    const run = await permafrost(['predict', '--head', dir, ...photos, '--json']);
    expect(run.status, run.stderr).toBe(0);
    expectSame(probabilities(run.summary.predictions as Prediction[]));
    const averaged = await permafrost(['predict', '--head', dir, ...photos, '--json', '--tta']);
    expect(averaged.status, averaged.stderr).toBe(0);
    const mean = probabilities(averaged.summary.predictions as Prediction[]);
    expect(largestDifference(mean, tailed.expected)).toBeGreaterThan(1e-5);
    expect(largestDifference(mean, tailed.expected)).toBeLessThan(tailed.spread);

    const server = spawn(process.execPath, [PROGRAM, 'serve', '--head', dir, '--port', '0']);
    try {
      const [line] = await once(server.stdout, 'data');
      const replies: Prediction[] = [];
      for (const photo of photos) {
        const body = new Uint8Array(readFileSync(photo));
        const reply = await fetch(`${String(line).trim()}/predict`, { method: 'POST', body });
        replies.push((await reply.json()) as Prediction);
      }
      expectSame(probabilities(replies));
    } finally {
      server.kill('SIGTERM');
      await once(server, 'exit');
    }
  });
});

describe('a head behind a trained tail', () => {
  let tailed: TailedHead;

  beforeAll(async () => {
    tailed = await writeTailedHead(newFolder(), 'mobilenet_v2_0.35');
  });

  it('predicts images that come into a folder', async () => {
    const { dir, photos, expected } = tailed;
    const folder = newFolder();
    let hasStarted = false;
    const run = await permafrost(['predict', '--head', dir, '--watch', folder], {
      onStderr(written) {
        if (hasStarted || !written.includes('Watching')) return;
        hasStarted = true;
        for (const [index, photo] of photos.entries()) copyFileSync(photo, join(folder, `${index}.png`));
      },
      onStdout(written, child) {
        if (!child.killed && written.trim().split('\n').length === photos.length) child.kill('SIGINT');
      },
    });
    expect(run.status, run.stderr).toBe(0);
    const lines = run.stdout.trim().split('\n');
    const predictions = lines.map((line) => JSON.parse(line) as Prediction & { path: string });
    predictions.sort((a, b) => a.path.localeCompare(b.path));
    expect(largestDifference(probabilities(predictions), expected)).toBeLessThan(1e-5);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['no tail', (dir) => rmSync(join(dir, 'tail.safetensors')), 'Expected a safetensors file at '],
    [
      'a damaged tail',
      (dir) => {
        const bytes = readFileSync(join(dir, 'tail.safetensors'));
        bytes[bytes.length - 2] ^= 1;
        writeFileSync(join(dir, 'tail.safetensors'), bytes);
      },
      'Damaged head: ',
    ],
    [
      'another backbone before its tail',
      (dir) => {
        const record = readFileSync(join(dir, 'head.json'), 'utf8');
        writeFileSync(join(dir, 'head.json'), record.replace(/"weightsHash": "..../, '"weightsHash": "0000'));
      },
      'Expected weights of mobilenet_v2_0.35 with SHA-256 0000',
    ],
  ])('with %s is refused in one sentence', async (_, damage, message) => {
    const dir = newFolder();
    for (const name of ['head.json', 'head.safetensors', 'tail.safetensors'])
      copyFileSync(join(tailed.dir, name), join(dir, name));
    damage(dir);
    for (const args of [
      ['predict', '--head', dir, tailed.photos[0]],
      ['serve', '--head', dir, '--port', '0'],
      ['export', '--head', dir, '--format', 'onnx', '--out', join(dir, 'model.onnx')],
    ]) {
      const run = await permafrost(args);
      expect(run.status, run.stderr).toBe(1);
      expect(run.stderr).toContain(message);
      expect(run.stderr.trim().split('\n')).toHaveLength(1);
      expect(run.stderr).not.toMatch(STACK_TRACE);
    }
  });
});
