/** `npm run test:tensorflow`: the suites that compare engines, on the tfjs-node that the set-up script installed. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'tests/shared/engines/{operations,memory}.test.ts',
      'tests/shared/graph/gradient.test.ts',
      'tests/shared/backbones/goldens.test.ts',
      'tests/train/sweep/trajectory.test.ts',
      'tests/train/sweep/device/*.test.ts',
    ],
    provide: { engines: ['tfjs-node'] },
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // A native library of 800 MB in each worker, with all cores inside an operation.
    maxWorkers: 1,
  },
});
