/** Heads whose files changed: 2,000 of them are refused by name, or read as far as the change leaves them a head. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readHead, writeHead } from '../../../src/shared/head/record.ts';
import { random } from '../../../src/shared/random.ts';
import { newFolder } from '../../support/folders.ts';
import { fuzzBytes } from '../../support/fuzz/bytes.ts';
import { writeRandomHead } from '../../support/random-head.ts';
import { syntheticHead } from '../../support/synthetic-head.ts';

it('2,000 changed heads neither crash nor hang, and give arrays of the shapes they claim', async () => {
  const dir = newFolder();
  const { record, tensors } = syntheticHead({ hidden: [4], batchNorm: true, normalize: 'standardize' });
  const augment = { views: 3, kind: 'flip,rotate=30;seed=1' };
  await writeHead(dir, { ...record, temperature: 1.5, augment }, tensors);
  expect(await refusals(dir, ['head.json', 'head.safetensors'], 2000)).toBeGreaterThan(500);
});

it('nor do 600 changed heads behind a trained tail', async () => {
  const dir = await writeRandomHead(newFolder(), { tail: { from: 'conv_pw_13' } });
  expect(await refusals(dir, ['head.json', 'tail.safetensors'], 600)).toBeGreaterThan(400);
});

/** Reads a head that many times, one of its files changed, and counts how often that is refused. */
async function refusals(dir: string, files: readonly string[], count: number): Promise<number> {
  const originals = new Map(files.map((name) => [name, readFileSync(join(dir, name))]));
  const stream = random(9, 'mutated heads');
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const name = files[stream.integer(2)];
    writeFileSync(join(dir, name), fuzzBytes(originals.get(name)!, stream));
    const started = performance.now();
    const outcome = await readHead(dir).catch((thrown: unknown) => thrown);
    // A bound, not a speed: a hang would never get here.
    expect(performance.now() - started, `head ${i}`).toBeLessThan(10_000);
    if (outcome instanceof Error) {
      refused++;
      expect(outcome, `head ${i}`).toMatchObject({
        name: 'InputError',
        message: expect.stringContaining(name),
      });
    } else {
      const read = outcome as Awaited<ReturnType<typeof readHead>>;
      for (const { shape, data } of [...read.tensors.values(), ...(read.tail?.values() ?? [])])
        expect(data.length).toBe(shape.reduce((product, length) => product * length, 1));
    }
    writeFileSync(join(dir, name), originals.get(name)!);
  }
  rmSync(dir, { recursive: true });
  return refused;
}
