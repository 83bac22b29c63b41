/** The version of permafrost that runs. */
import { createRequire } from 'node:module';

/** As package.json has it, which lies two folders up in sources and in the build. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  return version;
}
