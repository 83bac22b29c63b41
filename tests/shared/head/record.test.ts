/** Heads on disk. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/shared/errors.ts';
import { type Head, readHead, writeHead } from '../../../src/shared/head/record.ts';
import { newFolder } from '../../support/folders.ts';
import { syntheticHead } from '../../support/synthetic-head.ts';

async function written(
  { record, tensors }: Head = syntheticHead({ hidden: [4], batchNorm: true }),
): Promise<string> {
  const dir = join(newFolder(), 'best');
  await writeHead(dir, record, tensors);
  return dir;
}

/** A head whose head.json has other fields. */
async function recordWith(changed: Record<string, unknown>): Promise<string> {
  const dir = await written();
  const path = join(dir, 'head.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changed }));
  return dir;
}

describe('a head', () => {
  it('is read as it was written', async () => {
    const head = syntheticHead({ hidden: [4], batchNorm: true, dropout: 0.3, bias: false });
    const read = await readHead(await written(head));
    expect(read.record).toEqual({ ...head.record, tensors: expect.any(String) });
    expect([...read.tensors.keys()].sort()).toEqual([...head.tensors.keys()].sort());
    for (const [name, { shape, data }] of head.tensors) {
      expect(read.tensors.get(name)?.shape).toEqual(shape);
      expect([...read.tensors.get(name)!.data]).toEqual([...data]);
    }
  });

  it('keeps its temperature and its thresholds', async () => {
    const { record, tensors } = syntheticHead({ output: 'sigmoid' });
    const calibrated = { ...record, task: 'multilabel' as const, temperature: 1.5, thresholds: [0, 0.25, 1] };
    const read = await readHead(await written({ record: calibrated, tensors }));
    expect(read.record).toEqual({ ...calibrated, tensors: expect.any(String) });
  });

  it('that is not there says where it was looked for', async () => {
    const dir = newFolder();
    await expect(readHead(dir)).rejects.toThrow(
      `No trained head at ${dir}: give the folder best of a run, like runs/NAME/best`,
    );
  });

  it('whose numbers are truncated, missing or of another head is refused', async () => {
    const whole = readFileSync(join(await written(), 'head.safetensors')).length;
    for (const length of [0, 7, 100, whole - 1]) {
      const dir = await written();
      truncateSync(join(dir, 'head.safetensors'), length);
      await expect(readHead(dir), `${length} bytes`).rejects.toThrow(InputError);
    }
    const dir = await written();
    rmSync(join(dir, 'head.safetensors'));
    await expect(readHead(dir)).rejects.toThrow(/head\.safetensors/);

    const { record } = syntheticHead({ hidden: [4, 4] });
    const { tensors } = syntheticHead({ hidden: [4] });
    await expect(readHead(await written({ record, tensors }))).rejects.toThrow(
      /Expected dense_1\/kernel of shape 4x4 for .*head\.safetensors but received nothing/,
    );
  });

  it('whose numbers were altered is refused, and one that has no numbers', async () => {
    const dir = await written();
    const path = join(dir, 'head.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 4] ^= 1;
    writeFileSync(path, bytes);
    await expect(readHead(dir)).rejects.toThrow(/^Damaged head: .*head\.safetensors has SHA-256/);
    // Heads of earlier versions say nothing of their numbers.
    const record = JSON.parse(readFileSync(join(dir, 'head.json'), 'utf8'));
    writeFileSync(join(dir, 'head.json'), JSON.stringify({ ...record, tensors: undefined }));
    expect((await readHead(dir)).tensors.size).toBeGreaterThan(0);
    bytes.writeFloatLE(Number.NaN, bytes.length - 4);
    writeFileSync(path, bytes);
    await expect(readHead(dir)).rejects.toThrow(/^Expected finite numbers for .* but received "NaN"/);
  });

  const SIGMOID = syntheticHead({ hidden: [4], batchNorm: true, output: 'sigmoid' }).record.config;
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['another format', { format: 'x' }, /"permafrost-head" for format of .* but received "x"/],
    ['a newer format', { formatVersion: 3 }, /Expected 1 or 2 for formatVersion of .* but received 3/],
    ['an unknown task', { task: 'regression' }, /for task of .* but received "regression"/],
    ['no classes', { classes: [] }, /a list that is not empty for classes of .* but received \[\]/],
    ['no sources', { sources: [] }, /at least one source for sources of .* but received \[\]/],
    ['a class less', { classes: ['a', 'b'] }, /Expected output\/kernel of shape 4x2 for .*"4x3"/],
    ['no configuration', { config: {} }, /for config\.\w+ of .* but received nothing/],
    ['a source that is no object', { sources: ['avg'] }, /Expected an object for .* but received "avg"/],
    ['a temperature of 0', { temperature: 0 }, /0\.001 to 1000 for temperature of .* but received 0/],
    [
      'a class twice',
      { classes: ['a', 'a', 'b'] },
      /Expected each class once for classes of .*\["a","a","b"\]/,
    ],
    ['several labels and softmax', { task: 'multilabel' }, /config\.output of .* but received "softmax"/],
    [
      'thresholds although it is multiclass',
      { thresholds: [0.5, 0.5, 0.5] },
      /no thresholds for a multiclass/,
    ],
    [
      'a threshold less than classes',
      { task: 'multilabel', config: SIGMOID, thresholds: [0.5, 0.5] },
      /Expected 3 thresholds for thresholds of .* but received 2/,
    ],
    [
      'a threshold beyond 1',
      { task: 'multilabel', config: SIGMOID, thresholds: [0.5, 1.5, 0.5] },
      /a number from 0 to 1 for thresholds\[1\] of .* but received 1\.5/,
    ],
    ['metrics of another kind', { metrics: 3 }, /Expected an object for metrics of .* but received 3/],
  ])('with %s is refused', async (_, changed, message) => {
    const dir = await recordWith(changed);
    await expect(readHead(dir)).rejects.toThrow(message);
    await expect(readHead(dir)).rejects.toThrow(InputError);
  });
});
