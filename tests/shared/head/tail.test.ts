/** Fine-tuned heads on disk: head.json, head.safetensors and the end of the backbone in tail.safetensors. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { readHead, writeHead } from '../../../src/shared/head/record.ts';
import { encodeSafetensors, type Tensor } from '../../../src/shared/weights/safetensors.ts';
import { newFolder } from '../../support/folders.ts';
import { writeRandomHead } from '../../support/random-head.ts';

const TAIL = { from: 'conv_dw_13' };
let original: string;
let files: Map<string, Buffer>;

beforeAll(async () => {
  original = await writeRandomHead(join(newFolder(), 'best'), { tail: TAIL });
  files = new Map(
    ['head.json', 'head.safetensors', 'tail.safetensors'].map((name) => [
      name,
      readFileSync(join(original, name)),
    ]),
  );
});

/** The head again, with some files' bytes changed; those without any are missing. */
function changed(others: Record<string, Buffer | Uint8Array | undefined>): string {
  const dir = newFolder();
  for (const [name, bytes] of Object.entries({ ...Object.fromEntries(files), ...others }))
    if (bytes) writeFileSync(join(dir, name), bytes);
  return dir;
}

/** With other fields in head.json. */
function recordWith(edit: (record: Record<string, unknown>) => object): string {
  const record = JSON.parse(files.get('head.json')!.toString());
  return changed({ 'head.json': Buffer.from(JSON.stringify({ ...record, ...edit(record) })) });
}

async function tailWith(edit: (tail: Map<string, Tensor>) => void): Promise<string> {
  const tail = new Map((await readHead(original)).tail);
  edit(tail);
  return changed({ 'tail.safetensors': encodeSafetensors(tail) });
}

describe('a fine-tuned head', () => {
  it('is read as it was written, its whole tail by the names and shapes of Keras', async () => {
    const { record, tail } = await readHead(original);
    expect(record).toMatchObject({
      formatVersion: 2,
      tensors: expect.stringMatching(/^[0-9a-f]{64}$/),
      tailTensors: expect.stringMatching(/^[0-9a-f]{64}$/),
      config: { tail: { ...TAIL, train: 'all-but-batch-norm', batchNorm: 'frozen' } },
    });
    expect([...tail!].map(([name, { shape }]) => [name, shape])).toEqual([
      ['conv_dw_13/depthwise_kernel', [3, 3, 256, 1]],
      ...batchNorm('conv_dw_13_bn'),
      ['conv_pw_13/kernel', [1, 1, 256, 256]],
      ...batchNorm('conv_pw_13_bn'),
    ]);
    const copy = newFolder();
    const { tensors } = await readHead(original);
    await writeHead(copy, record, tensors, tail);
    expect(await readHead(copy)).toEqual(await readHead(original));
  });

  it('leaves no tail behind where a frozen one is written in its place', async () => {
    const dir = changed({});
    await writeRandomHead(dir);
    expect(existsSync(join(dir, 'tail.safetensors'))).toBe(false);
    expect((await readHead(dir)).record.formatVersion).toBe(1);
  });

  it('is not written with a tail that is not whole, or behind two backbones', async () => {
    const { record, tensors, tail } = await readHead(original);
    const part = new Map([...tail!].slice(1));
    await expect(writeHead(newFolder(), record, tensors, part)).rejects.toThrow(
      'Expected conv_dw_13/depthwise_kernel of shape 3x3x256x1 for ',
    );
    await expect(writeHead(newFolder(), record, tensors)).rejects.toThrow('settings of a tail alone');
    const two = { backbone: ['mobilenet_0.25', 'mobilenet_0.25'], tail: TAIL };
    await expect(writeRandomHead(newFolder(), two)).rejects.toThrow(
      'Expected one backbone of permafrost for a trained tail for sources of ',
    );
  });

  it('without tail.safetensors, or with a damaged one, is refused', async () => {
    const whole = files.get('tail.safetensors')!;
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 2] ^= 1;
    await expectRefusal(
      changed({ 'tail.safetensors': undefined }),
      /tail\.safetensors but it cannot be read/,
    );
    await expectRefusal(
      changed({ 'tail.safetensors': flipped }),
      /^Damaged head: .*tail\.safetensors has SHA/,
    );
    for (const length of [0, 7, 200, whole.length - 1])
      await expectRefusal(changed({ 'tail.safetensors': whole.subarray(0, length) }), /tail\.safetensors/);
  });

  it.each<[string, (tail: Map<string, Tensor>) => void, RegExp]>([
    [
      'an array less',
      (tail) => void tail.delete('conv_pw_13_bn/moving_mean'),
      /Expected conv_pw_13_bn\/moving_mean of shape 256 for .*tail\.safetensors but received nothing/,
    ],
    [
      'an array of another layer',
      (tail) => void tail.set('conv_pw_12/bias', { shape: [1], data: new Float32Array(1) }),
      /Expected only the arrays of the trained layers for .*tail\.safetensors but received "conv_pw_12\/bias"/,
    ],
    [
      'another shape',
      (tail) => void tail.set('conv_pw_13_bn/beta', { shape: [2, 128], data: new Float32Array(256) }),
      /Expected conv_pw_13_bn\/beta of shape 256 for .*tail\.safetensors but received "2x128"/,
    ],
    [
      'a number that is none',
      (tail) => void tail.set('conv_pw_13_bn/beta', { shape: [256], data: new Float32Array(256).fill(NaN) }),
      /Expected finite numbers for conv_pw_13_bn\/beta of .*tail\.safetensors but received "NaN"/,
    ],
  ])('with %s in its tail is refused', async (_, edit, message) => {
    await expectRefusal(await tailWith(edit), message);
  });

  it.each<[string, (record: Record<string, unknown>) => object, RegExp]>([
    [
      'as an older one',
      () => ({ formatVersion: 1 }),
      /Expected 2 for a head with a tail for formatVersion of .* but received 1/,
    ],
    [
      'without the settings of its tail',
      ({ config }) => ({ config: { ...(config as object), tail: undefined } }),
      /Expected 1 for a head without a tail for formatVersion of .* but received 2/,
    ],
    ['without the checksum of its tail', () => ({ tailTensors: undefined }), /for tailTensors of .*nothing/],
    [
      'from a layer that there is not',
      ({ config }) => ({
        config: { ...(config as object), tail: { ...settings(config), from: 'conv_dw_33' } },
      }),
      /config\.tail of .*head\.json: Expected a layer or block of mobilenet_0\.25 for --from but received "conv_dw_33"/,
    ],
  ])('%s is refused', async (_, edit, message) => {
    await expectRefusal(recordWith(edit), message);
  });
});

async function expectRefusal(dir: string, message: RegExp): Promise<void> {
  const outcome = await readHead(dir).catch((thrown: unknown) => thrown);
  expect(outcome).toBeInstanceOf(InputError);
  expect((outcome as Error).message).toMatch(message);
  expect((outcome as Error).message).not.toContain('\n');
  rmSync(dir, { recursive: true });
}

function settings(config: unknown): object {
  return (config as { tail: object }).tail;
}

function batchNorm(layer: string): [string, number[]][] {
  return ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((weight) => [`${layer}/${weight}`, [256]]);
}
