/**
 * `vitest` runs the project `unit`; the others are named: `vitest --project ci`.
 *
 *     unit         *.test.ts: fast tests (npm test)
 *     ci           *.ci.ts: end-to-end runs that take a minute together with others of their kind (npm run test:ci)
 *     slow         *.slow.ts: checks that take minutes (npm run test:slow)
 *     golden       all backbones and the ends of some in training against their goldens: minutes (npm run test:golden)
 *     tensorflow   the suites that compare engines, on the tfjs-node that the set-up script installed (npm run test:tensorflow)
 */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import type { TestUserConfig } from 'vitest/node';

const ENGINE_SUITES = [
  'tests/shared/engines/{operations,memory}.test.ts',
  'tests/shared/graph/*.test.ts',
  'tests/fine-tune/tail/{trainer.test,keras.test,keras.golden}.ts',
  'tests/shared/backbones/goldens.test.ts',
  'tests/train/sweep/trajectory.test.ts',
  'tests/train/sweep/device/*.test.ts',
];

type Suite = NonNullable<TestProjectInlineConfiguration['test']> & { include: string[] };

/** vitest's projects by name. */
export const SUITES: Record<string, Suite> = {
  unit: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'tests/support/setup/tensorflow-note.ts',
    provide: { engines: ['onnxruntime', 'tfjs-backend-wasm'] },
    testTimeout: 60_000,
  },
  ci: { include: ['tests/**/*.ci.ts'], testTimeout: 600_000 },
  slow: {
    include: ['tests/**/*.slow.ts'],
    testTimeout: 1_800_000,
    // Of one file's tests: while Keras builds a network, another one's files are read.
    maxConcurrency: 2,
  },
  golden: {
    include: ['tests/**/*.golden.ts'],
    provide: { engines: ['onnxruntime'] },
    testTimeout: 300_000,
  },
  tensorflow: {
    include: ENGINE_SUITES,
    provide: { engines: ['tfjs-node'] },
    testTimeout: 300_000,
    // A native library of 800 MB in each worker, with all cores inside an operation.
    maxWorkers: 1,
  },
};

const test: TestUserConfig = {
  // Where no --project is given.
  project: 'unit',
  projects: Object.entries(SUITES).map(([name, suite]) => ({
    test: { name, hookTimeout: 120_000, ...suite },
  })),
  globalSetup: 'tests/support/setup/build.ts',
  // Two workers match the smallest machine the suite runs on; engines bring their own threads.
  maxWorkers: 2,
};

export default defineConfig({ test });
