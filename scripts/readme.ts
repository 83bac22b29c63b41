/** `npm run readme`: brings the README's table of backbones up to date. A test fails when it is not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { backboneTable } from '../src/shared/backbones/table.ts';

const README = new URL('../README.md', import.meta.url);

/** README.md as it is, and as it should be. */
export function readme(): { present: string; wanted: string } {
  const present = readFileSync(README, 'utf8');
  const table = `<!-- backbones -->\n${backboneTable()}\n<!-- /backbones -->`;
  return { present, wanted: present.replace(/<!-- backbones -->[\s\S]*<!-- \/backbones -->/, () => table) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(README, readme().wanted);
