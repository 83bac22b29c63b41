/** Temporary folders of tests, which are removed when their test file ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const folders: string[] = [];

// The first hook to be registered is the last to run: after those that stop what still writes.
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-test-'));
  folders.push(folder);
  return folder;
}
