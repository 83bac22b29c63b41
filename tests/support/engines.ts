/** The engines that the parity suites run on: those the vitest configuration names. */
import { inject } from 'vitest';
import { type Engine, type EngineOptions, loadEngine } from '../../src/shared/engines/engine.ts';
import { createTensorflowEngine } from '../../src/shared/engines/tensorflow/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    engines: readonly EngineUnderTest[];
  }
}

const LOADERS = {
  onnxruntime: (options: EngineOptions) => loadEngine('onnxruntime', options),
  'tfjs-node': (options: EngineOptions) => createTensorflowEngine({ ...options, runtimes: ['tfjs-node'] }),
  'tfjs-backend-wasm': (options: EngineOptions) =>
    createTensorflowEngine({ ...options, runtimes: ['tfjs-backend-wasm'] }),
};

export type EngineUnderTest = keyof typeof LOADERS;

export const ENGINES_UNDER_TEST = inject('engines');

export function loadUnderTest(name: EngineUnderTest, options: EngineOptions = {}): Promise<Engine> {
  return LOADERS[name](options);
}
