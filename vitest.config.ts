import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/tensorflow-note.ts'],
    // Suites that compare engines; vitest.tensorflow.config.ts runs them on tfjs-node.
    provide: { engines: ['onnxruntime', 'tfjs-backend-wasm'] },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two workers match the smallest machine the suite runs on; engines bring their own threads.
    maxWorkers: 2,
  },
});
