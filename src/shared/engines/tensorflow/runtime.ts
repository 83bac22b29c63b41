/** Which TensorFlow.js package computes: found, loaded, and why not where one cannot be. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as tfjs from '@tensorflow/tfjs-core';
import { InputError, messageOf } from '../../errors.ts';

/** The functions that every TensorFlow.js package offers. */
export type Tensorflow = typeof tfjs;

/** A package that has been loaded. */
export interface Runtime {
  readonly tf: Tensorflow;
  readonly name: RuntimeName;
  /** `tfjs-node 4.22.0 with TensorFlow 2.20.0`. */
  readonly version: string;
  readonly device: 'cpu' | 'cuda';
  /** Whether one run keeps only one core busy. */
  readonly singleThreaded: boolean;
}

/** What the packages with a native library add; see tfjs-node's nodejs_kernel_backend. */
interface NativeBackend {
  binding: { TF_Version: string };
  isUsingGpuDevice: boolean;
}

/** By speed, fastest first. */
export const RUNTIME_NAMES = ['tfjs-node-gpu', 'tfjs-node', 'tfjs-backend-wasm'] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** Where a package was looked for without success, and what it said. */
export interface RuntimeProblem {
  name: RuntimeName;
  /** False where the package is there but does not load. */
  missing: boolean;
  reason: string;
}

/**
 * The folder that scripts/setup-tensorflow.ts fills: inside node_modules, under a name that npm leaves alone.
 * It lies four folders above this file, the same from src/ and from dist/.
 */
export const SETUP_FOLDER = fileURLToPath(new URL('../../../../node_modules/.tensorflow/', import.meta.url));

/** How to get what is missing, for messages. */
const TENSORFLOW_HINT =
  'npm run setup:tensorflow (add -- --gpu for NVIDIA GPUs), ' +
  'or npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm for a slower one that runs everywhere';

/**
 * Loads the first package of `names` that is installed and works.
 * @param threads inside one operation; default: all cores
 * @throws InputError naming each package's problem and how to get one
 */
export async function loadRuntime(
  threads?: number,
  names: readonly RuntimeName[] = RUNTIME_NAMES,
): Promise<Runtime> {
  const problems: string[] = [];
  for (const name of names) {
    const found = await tryRuntime(name, threads);
    if ('tf' in found) return found;
    problems.push(`${name} ${found.missing ? 'is not installed' : `does not load (${found.reason})`}`);
  }
  throw new InputError(
    `Expected a TensorFlow package for --engine tensorflow but ${problems.join(', ')}: ${TENSORFLOW_HINT}`,
  );
}

/** Loads one package, or says why that cannot be done. */
export async function tryRuntime(name: RuntimeName, threads?: number): Promise<Runtime | RuntimeProblem> {
  try {
    return name === 'tfjs-backend-wasm' ? await loadWasm() : loadNative(name, threads);
  } catch (thrown) {
    const missing = isModuleMissing(thrown, name);
    return { name, missing, reason: firstLine(messageOf(thrown)) };
  }
}

function loadNative(name: 'tfjs-node-gpu' | 'tfjs-node', threads: number | undefined): Runtime {
  const { require, path } = locate(`@tensorflow/${name}`);
  // Read by the native library when it makes its thread pools; 1: no notes about instruction sets on stderr.
  if (threads !== undefined) process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  // Several threads share a GPU; by default the first would take all of its memory.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // Before the package itself, which leaves its kernels registered when it then fails.
  require(nativeLibrary(dirname(dirname(path))));
  bridgeRemovedFunctions(require);
  const tf = require(path) as Tensorflow;
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as NativeBackend;
  return {
    tf,
    name,
    version: `${name} ${packageVersion(require, name)} with TensorFlow ${binding.TF_Version}`,
    device: isUsingGpuDevice ? 'cuda' : 'cpu',
    singleThreaded: false,
  };
}

async function loadWasm(): Promise<Runtime> {
  const { require, path } = locate('@tensorflow/tfjs-backend-wasm');
  // The backend registers itself with the tfjs-core that lies beside it.
  const tf = createRequire(path)('@tensorflow/tfjs-core') as Tensorflow;
  require(path);
  if (!(await tf.setBackend('wasm'))) throw new Error('this machine cannot run its WebAssembly');
  return {
    tf,
    name: 'tfjs-backend-wasm',
    version: `tfjs-backend-wasm ${packageVersion(require, 'tfjs-backend-wasm')}`,
    device: 'cpu',
    singleThreaded: true,
  };
}

/** The binding in a package's folder, for the newest Node-API it was built for. */
function nativeLibrary(folder: string): string {
  const versions = [8, 7, 6, 5, 4, 3].map((version) =>
    join(folder, `lib/napi-v${version}/tfjs_binding.node`),
  );
  const found = versions.find((file) => existsSync(file));
  if (!found) throw new Error('its native library is missing: npm run setup:tensorflow builds it');
  return found;
}

/** Where Node finds a package from here, else from what the set-up script installed. */
function locate(specifier: string): { require: NodeJS.Require; path: string } {
  const own = createRequire(import.meta.url);
  try {
    return { require: own, path: own.resolve(specifier) };
  } catch (thrown) {
    const setup = createRequire(SETUP_FOLDER);
    try {
      return { require: setup, path: setup.resolve(specifier) };
    } catch {
      throw thrown;
    }
  }
}

function packageVersion(require: NodeJS.Require, name: RuntimeName): string {
  return (require(`@tensorflow/${name}/package.json`) as { version: string }).version;
}

/** Whether the package itself, not something it needs, cannot be found. */
function isModuleMissing(thrown: unknown, name: RuntimeName): boolean {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return code === 'MODULE_NOT_FOUND' && message.includes(`'@tensorflow/${name}'`);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0].trim();
}

/** tfjs-node 4.22.0 calls functions of node:util that Node 22 warns of and 23 removed (tensorflow/tfjs#8609). */
function bridgeRemovedFunctions(require: NodeJS.Require): void {
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}
