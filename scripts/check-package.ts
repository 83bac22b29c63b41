/** `npm run check:package`: packs the built package and lints it as programs that install it see it (publint, attw). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What checks a tarball; neither asks the network. The package is ESM only, so nobody can `require` it. */
const LINTERS: [bin: string, before: string[], after: string[]][] = [
  ['publint', ['run'], ['--strict']],
  ['attw', [], ['--profile', 'esm-only', '--no-definitely-typed', '--no-emoji', '--no-color']],
];

/** What is wrong with a packed package: the output of each linter that finds anything, none if all is right. */
export function checkPackage(tarball: string): string[] {
  return LINTERS.flatMap(([bin, before, after]) => {
    const { status, stdout, stderr } = run(join('node_modules', '.bin', bin), [...before, tarball, ...after]);
    return status === 0 ? [] : [`${bin} (status ${status}):\n${stdout}${stderr}`];
  });
}

function run(command: string, args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
}

/** Packs what is built, checks it and says what is wrong. */
function main(): void {
  const folder = mkdtempSync(join(tmpdir(), 'permafrost-package-'));
  try {
    const { status, stdout, stderr } = run('npm', [
      'pack',
      '--json',
      '--ignore-scripts',
      '--pack-destination',
      folder,
    ]);
    if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    const faults = checkPackage(join(folder, filename));
    console.log(faults.length > 0 ? faults.join('\n') : `${filename}: publint and attw find nothing wrong`);
    process.exitCode = faults.length > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
