/** The doctor's findings as lines of text, and the one command that would help most. */

import { counted } from '../shared/plural.ts';
import type { EngineReport } from './engines.ts';
import type { Folder, Machine } from './machine.ts';

export interface Findings {
  machine: Machine;
  engines: EngineReport[];
  folders: Folder[];
}

/** The package that `--engine auto` computes with: a GPU, else onnxruntime, else TensorFlow.js; null when there is none. */
export function automatic(engines: readonly EngineReport[]): string | null {
  const usable = engines.filter((engine) => engine.usable);
  const chosen = usable.find(({ device }) => device === 'cuda') ?? usable.at(0);
  return chosen?.package ?? null;
}

const ADVICE: readonly { applies(findings: Findings): boolean; command: string; why: string }[] = [
  {
    applies: ({ engines }) => automatic(engines) === null,
    command: 'npm install onnxruntime-node',
    why: 'no engine is usable',
  },
  {
    applies: ({ machine, engines }) =>
      machine.gpus.length > 0 && !engines.some(({ device }) => device === 'cuda'),
    command: 'npm run setup:tensorflow -- --gpu',
    why: 'there is a GPU that no engine uses',
  },
  {
    applies: ({ engines }) => engines.every(({ engine, usable }) => engine !== 'onnxruntime' || !usable),
    command: 'npm install onnxruntime-node',
    why: 'onnxruntime is the fastest engine on a CPU',
  },
];

/** The first piece of advice that fits, if any does. */
export function advise(findings: Findings): { command: string; why: string } | null {
  const found = ADVICE.find(({ applies }) => applies(findings));
  return found ? { command: found.command, why: found.why } : null;
}

/** Bytes as people read them: `1.4 GB`, `23 MB`. */
function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

export function reportLines(findings: Findings): string[] {
  const { machine, engines, folders } = findings;
  const advice = advise(findings);
  return [
    `Node ${machine.node} on ${machine.platform}`,
    `Processor   ${machine.processor}, ${counted(machine.threads, 'thread')}`,
    `            ${machine.instructionSets?.join(' ') ?? 'instruction sets unknown'}`,
    `Memory      ${size(machine.memory.total)}, ${size(machine.memory.free)} free`,
    ...(machine.gpus.length === 0 ? ['GPU         none found by nvidia-smi'] : []),
    ...machine.gpus.map((gpu) => `GPU         ${gpu}`),
    '',
    ...engines.map(engineLine),
    `--engine auto uses ${automatic(engines) ?? 'nothing'}`,
    '',
    ...folders.map(
      ({ what, path, bytes, files }) =>
        `${what.padEnd(11)} ${path}: ${counted(files, 'file')}, ${size(bytes)}`,
    ),
    '',
    advice
      ? `To make it ${automatic(engines) ? 'faster' : 'work'}: ${advice.command} (${advice.why})`
      : 'No package would make this machine faster',
  ];
}

function engineLine(report: EngineReport): string {
  const name = `${report.usable ? '+' : '-'} ${report.package.padEnd(30)}`;
  if (!report.usable) return `${name} ${report.reason}`;
  const { version, device, imagesPerSecond, headStepsPerSecond, singleThreaded } = report;
  const images =
    imagesPerSecond === null ? [] : [`${imagesPerSecond} images/s${singleThreaded ? ' per thread' : ''}`];
  const heads = headStepsPerSecond === null ? [] : [`${headStepsPerSecond} head-steps/s per thread`];
  return `${name} ${[version, device, ...images, ...heads].join(', ')}`;
}
