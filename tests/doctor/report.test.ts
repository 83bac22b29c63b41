/** What the doctor says of engines that are there, missing or broken. */
import { describe, expect, it } from 'vitest';
import type { EngineReport } from '../../src/doctor/engines.ts';
import { advise, automatic, type Findings, reportLines } from '../../src/doctor/report.ts';

const usable = (name: string, rest: Partial<EngineReport> = {}): EngineReport => ({
  engine: name === 'onnxruntime-node' ? 'onnxruntime' : 'tensorflow',
  package: name,
  version: '1.0.0',
  usable: true,
  reason: null,
  device: 'cpu',
  imagesPerSecond: null,
  headStepsPerSecond: null,
  singleThreaded: false,
  ...rest,
});
const broken = (name: string, reason = 'not installed'): EngineReport =>
  usable(name, { usable: false, version: null, device: null, reason });

const onnxruntime = usable('onnxruntime-node', { imagesPerSecond: 50, headStepsPerSecond: 5000 });
const wasm = usable('@tensorflow/tfjs-backend-wasm', { imagesPerSecond: 6, singleThreaded: true });

function findings(engines: EngineReport[], gpus: string[] = []): Findings {
  const machine = {
    node: 'v22.0.0',
    platform: 'linux x64',
    processor: 'Test',
    threads: 2,
    instructionSets: ['avx2'],
    memory: { total: 8e9, free: 4.2e9 },
    gpus,
  };
  return { machine, engines, folders: [{ what: 'features', path: '/cache', bytes: 23e6, files: 4 }] };
}

describe('permafrost doctor', () => {
  it('says version, device and rates of each engine, and what auto takes', () => {
    const text = reportLines(findings([onnxruntime, broken('@tensorflow/tfjs-node-gpu'), wasm])).join('\n');
    expect(text).toContain('+ onnxruntime-node');
    expect(text).toContain('1.0.0, cpu, 50 images/s, 5000 head-steps/s per thread');
    expect(text).toMatch(/- @tensorflow\/tfjs-node-gpu +not installed/);
    expect(text).toContain('6 images/s per thread');
    expect(text).toContain('--engine auto uses onnxruntime-node');
    expect(text).toContain('8.0 GB, 4.2 GB free');
    expect(text).toContain('/cache: 4 files, 23 MB');
    expect(text).toContain('No package would make this machine faster');
  });

  it('prefers a GPU, and names the set-up for one that no engine uses', () => {
    const gpu = usable('@tensorflow/tfjs-node-gpu', { device: 'cuda' });
    expect(automatic([onnxruntime, gpu, wasm])).toBe('@tensorflow/tfjs-node-gpu');
    expect(advise(findings([onnxruntime, gpu], ['H100']))).toBeNull();
    expect(advise(findings([onnxruntime, wasm], ['H100']))?.command).toBe(
      'npm run setup:tensorflow -- --gpu',
    );
  });

  it('asks for onnxruntime where only slower engines work, or none', () => {
    const without = [broken('onnxruntime-node', 'no library for this machine'), wasm];
    expect(advise(findings(without))?.command).toBe('npm install onnxruntime-node');
    const none = findings([broken('onnxruntime-node')]);
    expect(automatic(none.engines)).toBeNull();
    expect(reportLines(none).at(-1)).toBe(
      'To make it work: npm install onnxruntime-node (no engine is usable)',
    );
  });
});
