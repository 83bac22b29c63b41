/** Heads whose files changed: 2,000 of them are refused by name, or read as far as the change leaves them a head. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readHead, writeHead } from '../../../src/shared/head/record.ts';
import { random } from '../../../src/shared/random.ts';
import { newFolder } from '../../support/folders.ts';
import { fuzzBytes } from '../../support/fuzz/bytes.ts';
import { syntheticHead } from '../../support/synthetic-head.ts';

const FILES = ['head.json', 'head.safetensors'];

it('2,000 changed heads neither crash nor hang, and give arrays of the shapes they claim', async () => {
  const dir = newFolder();
  const { record, tensors } = syntheticHead({ hidden: [4], batchNorm: true, normalize: 'standardize' });
  const augment = { views: 3, kind: 'flip,rotate=30;seed=1' };
  await writeHead(dir, { ...record, temperature: 1.5, augment }, tensors);
  const originals = new Map(FILES.map((name) => [name, readFileSync(join(dir, name))]));
  const stream = random(9, 'mutated heads');
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const name = FILES[stream.integer(2)];
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
      for (const { shape, data } of read.tensors.values())
        expect(data.length).toBe(shape.reduce((product, length) => product * length, 1));
    }
    writeFileSync(join(dir, name), originals.get(name)!);
  }
  expect(refused).toBeGreaterThan(500);
  rmSync(dir, { recursive: true });
});
