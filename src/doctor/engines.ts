/** Which engines this machine can use, why not the others, and how fast each is. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtFiles } from '../shared/built-files.ts';
import type { Device } from '../shared/engines/engine.ts';
import { RUNTIME_NAMES } from '../shared/engines/tensorflow/runtime.ts';

/** What one probe measures: images/s of the shipped backbone, or gradient steps/s of a 2048-64-7 head. */
export type Measure = 'images' | 'headSteps';

/** What a probe prints. */
export type ProbeResult =
  | { usable: false; missing: boolean; reason: string }
  | {
      usable: true;
      version: string;
      device: Device;
      singleThreaded: boolean;
      /** Per second; absent when nothing was to be measured. */
      rate?: number;
    };

export interface EngineReport {
  /** As given to --engine. */
  engine: 'onnxruntime' | 'tensorflow';
  /** The npm package. */
  package: string;
  version: string | null;
  usable: boolean;
  /** Why it cannot be used. */
  reason: string | null;
  device: Device | null;
  /** With all cores; of an engine that keeps one core busy, with one. */
  imagesPerSecond: number | null;
  /** Gradient steps of a 2048-64-7 head, batch 32, on one core. */
  headStepsPerSecond: number | null;
  singleThreaded: boolean;
}

/** In the order in which `--engine tensorflow` tries them, behind the default. */
const PROBED = ['onnxruntime', ...RUNTIME_NAMES] as const;

/**
 * Loads every engine, one after the other so that none disturbs another's figures.
 * @param seconds for all measurements together; 0 measures nothing
 */
export async function reportEngines(seconds: number): Promise<EngineReport[]> {
  const found: ProbeResult[] = [];
  for (const name of PROBED) found.push(await probe(name, 'images', 0));
  const share = seconds / Math.max(1, 2 * found.filter(({ usable }) => usable).length);
  const reports: EngineReport[] = [];
  for (const [index, name] of PROBED.entries()) {
    const result = found[index];
    const measured = async (measure: Measure): Promise<number | null> => {
      if (!result.usable || seconds === 0) return null;
      const { rate } = { rate: undefined, ...(await probe(name, measure, share)) };
      return rate === undefined ? null : Number(rate.toPrecision(3));
    };
    reports.push({
      engine: name === 'onnxruntime' ? name : 'tensorflow',
      package: name === 'onnxruntime' ? 'onnxruntime-node' : `@tensorflow/${name}`,
      usable: result.usable,
      version: result.usable ? result.version : null,
      reason: result.usable ? null : result.missing ? 'not installed' : result.reason,
      device: result.usable ? result.device : null,
      singleThreaded: result.usable && result.singleThreaded,
      imagesPerSecond: await measured('images'),
      headStepsPerSecond: await measured('headSteps'),
    });
  }
  return reports;
}

/** Longest that one probe may take; loading a native library from a cold disk takes seconds. */
const PROBE_LIMIT_MS = 120_000;

function probe(name: string, measure: Measure, seconds: number): Promise<ProbeResult> {
  const file = fileURLToPath(builtFiles.module('doctor/probe.js'));
  const args = [...process.execArgv, file, name, measure, String(seconds)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: PROBE_LIMIT_MS }, (error, stdout) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      if (!error && last.startsWith('{')) return resolve(JSON.parse(last));
      const how = error?.signal ? `signal ${error.signal}` : `status ${error?.code}`;
      resolve({ usable: false, missing: false, reason: `its process ended with ${how}` });
    });
  });
}
