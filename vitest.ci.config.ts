/** End-to-end runs that take a minute together with others of their kind: `npm run test:ci`, beside `npm test` in CI. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.ci.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
