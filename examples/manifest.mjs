/**
 * Writes a manifest for `permafrost extract --data photos.csv` from labels that lie elsewhere, here a JSON file:
 *
 *     node manifest.mjs labels.json photos.csv
 *
 * labels.json: [{ "file": "a.jpg", "tags": ["sea", "sunset"], "taken_by": "ann" }, ...]
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [from, to] = process.argv.slice(2);

/** A cell as CSV has it. */
const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const rows = JSON.parse(readFileSync(from, 'utf8')).map(({ file, tags, taken_by }) =>
  // Several labels are joined by |. Photos of one group never straddle training and test.
  [file, tags.join('|'), taken_by].map(cell).join(','),
);
writeFileSync(to, `${['path,labels,group', ...rows].join('\n')}\n`);
console.log(`${rows.length} photos in ${to}`);
