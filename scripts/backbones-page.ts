/** `npm run backbones-page`: brings the table of backbones in docs/backbones.md up to date. A test fails when it is not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { backboneTable } from '../src/shared/backbones/table.ts';

const PAGE = new URL('../docs/backbones.md', import.meta.url);

/** docs/backbones.md as it is, and as it should be. */
export function backbonesPage(): { present: string; wanted: string } {
  const present = readFileSync(PAGE, 'utf8');
  const table = `<!-- backbones -->\n${backboneTable()}\n<!-- /backbones -->`;
  return { present, wanted: present.replace(/<!-- backbones -->[\s\S]*<!-- \/backbones -->/, () => table) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(PAGE, backbonesPage().wanted);
