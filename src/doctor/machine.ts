/** What the machine offers: processor, instruction sets, memory, GPUs, and the folders permafrost keeps. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { arch, availableParallelism, cpus, freemem, platform, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { weightsFolder } from '../shared/weights/published.ts';

export interface Machine {
  node: string;
  platform: string;
  processor: string;
  /** Threads that can run at a time. */
  threads: number;
  /** Those that matrix products use; null where the system does not list them. */
  instructionSets: string[] | null;
  /** Bytes; the limit of a container counts as the total. */
  memory: { total: number; free: number };
  /** NVIDIA GPUs, as nvidia-smi describes them. */
  gpus: string[];
}

export interface Folder {
  what: 'features' | 'weights';
  path: string;
  bytes: number;
  files: number;
}

/** As Linux calls them, for x64 and arm64. */
const INSTRUCTION_SETS = [
  'avx',
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512_vnni',
  'avx_vnni',
  'avx512_bf16',
  'amx_tile',
  'amx_int8',
  'amx_bf16',
  'asimd',
  'asimddp',
  'i8mm',
  'bf16',
  'sve',
];

export async function describeMachine(): Promise<Machine> {
  const total = totalmem();
  // 0 or beyond the total: no limit.
  const limit = process.constrainedMemory() || total;
  return {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: availableParallelism(),
    instructionSets: await instructionSets(),
    memory: { total: Math.min(total, limit), free: freemem() },
    gpus: await nvidiaGpus(),
  };
}

async function instructionSets(): Promise<string[] | null> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const [, flags] = /^(?:flags|Features)\s*:(.*)$/m.exec(text) ?? [];
  if (flags === undefined) return null;
  const present = new Set(flags.trim().split(/\s+/));
  return INSTRUCTION_SETS.filter((name) => present.has(name));
}

async function nvidiaGpus(): Promise<string[]> {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 });
    return stdout.trim().split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

/** The folders that grow: features (below the working directory) and downloaded weights. */
export async function describeFolders(): Promise<Folder[]> {
  return [
    { what: 'features', ...(await folderSize(resolve('cache'))) },
    { what: 'weights', ...(await folderSize(weightsFolder())) },
  ];
}

/** A folder that is not there is empty. */
async function folderSize(path: string): Promise<{ path: string; bytes: number; files: number }> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return { path, bytes: sizes.reduce((sum, size) => sum + size, 0), files: sizes.length };
}
