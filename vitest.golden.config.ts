/** All backbones against their goldens: minutes, so beside `npm test` (npm run test:golden). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/shared/backbones/all.golden.ts'],
    provide: { engines: ['onnxruntime'] },
    testTimeout: 300_000,
  },
});
