/** `npm run backbones-page`: brings the tables in docs/backbones.md up to date. A test fails when it is not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { hubModelsTable } from '../src/shared/backbones/hub-models.ts';
import { allBackboneFacts, backboneTable, depthsTable } from '../src/shared/backbones/table.ts';

const PAGE = new URL('../docs/backbones.md', import.meta.url);

/** docs/backbones.md as it is, and as it should be. */
export function backbonesPage(): { present: string; wanted: string } {
  const present = readFileSync(PAGE, 'utf8');
  const facts = allBackboneFacts();
  const tables = { backbones: backboneTable(facts), depths: depthsTable(facts), hub: hubModelsTable() };
  const wanted = Object.entries(tables).reduce(
    (page, [name, table]) =>
      page.replace(
        new RegExp(`<!-- ${name} -->[\\s\\S]*<!-- /${name} -->`),
        () => `<!-- ${name} -->\n${table}\n<!-- /${name} -->`,
      ),
    present,
  );
  return { present, wanted };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(PAGE, backbonesPage().wanted);
