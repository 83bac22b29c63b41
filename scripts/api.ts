/** `npm run docs`: writes docs/api.md from the docstrings of what src/index.ts exports, as built. A test fails when it is old. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const PAGE = new URL('../docs/api.md', import.meta.url);
const INDEX = new URL('../src/index.ts', import.meta.url);
const DIST = new URL('../dist/', import.meta.url);

const INTRODUCTION = `# API

What \`import { ... } from 'permafrost'\` gives. This page is made by \`npm run docs\` from the docstrings;
[library.md](library.md) shows how the parts are used.
`;

/** docs/api.md as it is, and as it should be. */
export function api(): { present: string; wanted: string } {
  const exports = [
    ...readFileSync(INDEX, 'utf8').matchAll(/export (?:type )?\{([^}]*)\} from '\.\/(.+)\.ts'/g),
  ];
  const sections = exports.flatMap(([, names, file]) => {
    const declarations = readFileSync(new URL(`${file}.d.ts`, DIST), 'utf8');
    return names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== '')
      .map((name) => section(name, declarations, file));
  });
  const wanted = [INTRODUCTION, ...sections.sort((a, b) => a.localeCompare(b, 'en'))].join('\n');
  return { present: readFileSync(PAGE, { encoding: 'utf8', flag: 'a+' }), wanted };
}

/** @param exported `name`, or `name as other` */
function section(exported: string, declarations: string, file: string): string {
  const [name, shown = name] = exported.split(' as ');
  const found = new RegExp(
    `(?:^/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\n)?^export (?:declare )?(?:function|interface|type|class|const) ${name}\\b(?:[^\\n]*;|[\\s\\S]*?\\n\\}[^\\n]*)$`,
    'm',
  ).exec(declarations);
  if (!found) throw new Error(`No declaration of ${name} in ${file}.d.ts`);
  const [whole, comment = ''] = found;
  const words = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .replace(/^@(\w+)/gm, '\n`@$1`')
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .trim();
  const code = whole.slice(whole.indexOf('export ', comment.length)).replace(name, shown);
  return `## ${shown}\n\n${words === '' ? '' : `${words}\n\n`}\`\`\`ts\n${code}\n\`\`\`\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(PAGE, api().wanted);
