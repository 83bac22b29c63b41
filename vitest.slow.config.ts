/** Checks that take minutes: `npm run test:slow`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.slow.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Of one file's tests: while Keras builds a network, another one's files are read.
    maxConcurrency: 2,
  },
});
