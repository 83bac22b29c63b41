/** Devices other than the CPU: used, fallen back from with a word, or refused, but never silently wrong. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { checkedOnce } from '../../../src/shared/engines/checked.ts';
import { loadEngine, type Program } from '../../../src/shared/engines/engine.ts';
import { permafrost, STACK_TRACE } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';

/** A provider that this platform never has. */
const FOREIGN = process.platform === 'win32' ? 'coreml' : 'dml';

const program = (...results: number[][]): Program & { runs: number; released: number } => {
  const self = {
    runs: 0,
    released: 0,
    run: async () => ({ avg: Float32Array.from(results[Math.min(self.runs++, results.length - 1)]) }),
    release: async () => {
      self.released++;
    },
  };
  return self;
};

describe('the check of the first batch', () => {
  it('compares one run with the CPU, then trusts the device', async () => {
    const cpu = program([1, 2, 3]);
    const device = program([1.0001, 2, 3], [7, 7, 7]);
    const checked = checkedOnce(device, async () => cpu, 'webgpu');
    expect((await checked.run({})).avg[0]).toBeCloseTo(1.0001);
    expect([...(await checked.run({})).avg]).toEqual([7, 7, 7]);
    expect([cpu.runs, cpu.released]).toEqual([1, 1]);
  });

  it.each([
    ['wrong', [1, 2, 3.1]],
    ['not a number', [1, Number.NaN, 3]],
    ['all zero', [0, 0, 0]],
  ])('refuses results that are %s', async (_, values) => {
    const checked = checkedOnce(program(values), async () => program([1, 2, 3]), 'cuda');
    await expect(checked.run({})).rejects.toThrow(
      /Expected results within 0.001 of the CPU's for --device cuda but avg of the first batch differs by .*: use --device cpu/,
    );
  });
});

it('falls back to the CPU where onnxruntime does not have the device, and says so', async () => {
  const note = vi.fn();
  const engine = await loadEngine('onnxruntime', { device: FOREIGN, note });
  expect(engine.device).toBe('cpu');
  expect(note).toHaveBeenCalledWith(
    expect.stringMatching(
      new RegExp(`^onnxruntime cannot use ${FOREIGN} here \\(.+\\): computing on the CPU$`),
    ),
  );
});

it('refuses a device that the engine never has', async () => {
  await expect(loadEngine('tensorflow', { device: 'webgpu' })).rejects.toThrow(
    'Expected one of auto, cpu, cuda for --device of tensorflow but received "webgpu"',
  );
});

it('extract --device goes on with the CPU, warns and records what computed', async () => {
  const data = newFolder();
  for (const [index, name] of ['light', 'dark'].entries()) {
    await mkdir(join(data, name));
    const background = index === 0 ? '#eee' : '#222';
    await sharp({ create: { width: 40, height: 40, channels: 3, background } })
      .png()
      .toFile(join(data, name, 'one.png'));
  }
  const out = join(newFolder(), 'store');
  const args = ['extract', '--data', data, '--out', out, '--size', '64x64', '--device', FOREIGN];
  const { status, stderr } = await permafrost(args);
  expect(stderr).toContain(`warning: onnxruntime cannot use ${FOREIGN} here`);
  // Its own line on what is missing would only repeat it.
  expect(stderr).not.toContain('[E:onnxruntime');
  expect(stderr).not.toMatch(STACK_TRACE);
  expect(status).toBe(0);
  const { pipeline } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  expect(pipeline.engine.name).toBe('onnxruntime');
  expect(pipeline.engine.version).toMatch(/^[\d.]+$/);
});
