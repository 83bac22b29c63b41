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

/** What src/index.ts exports: `name`, or `name as other`, and the file it is from. */
function exported(): { name: string; file: string }[] {
  const lines = readFileSync(INDEX, 'utf8').matchAll(/export (?:type )?\{([^}]*)\} from '\.\/(.+)\.ts'/g);
  return [...lines].flatMap(([, names, file]) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== '')
      .map((name) => ({ name, file })),
  );
}

/** docs/api.md as it is, and as it should be. */
export function api(): { present: string; wanted: string } {
  const sections = exported().map(({ name, file }) => section(name, declarationsOf(file), file));
  const wanted = [INTRODUCTION, ...sections.sort((a, b) => a.localeCompare(b, 'en'))].join('\n');
  return { present: readFileSync(PAGE, { encoding: 'utf8', flag: 'a+' }), wanted };
}

function declarationsOf(file: string): string {
  return readFileSync(new URL(`${file}.d.ts`, DIST), 'utf8');
}

/** Types that what is exported is declared with, but that are not exported themselves: `file name`, and where. */
export function missingTypes(): string[] {
  const known = new Set(exported().map(({ name, file }) => `${file} ${name.split(' as ')[0]}`));
  return exported().flatMap(({ name, file }) => {
    const declarations = declarationsOf(file);
    const { code } = declaration(name.split(' as ')[0], declarations, file);
    const words = new Set(code.replace(/\/\*[\s\S]*?\*\/|'[^']*'/g, '').match(/\b[A-Z]\w*\b/g));
    return [...words]
      .flatMap((word) => sourceOf(word, declarations, file) ?? [])
      .filter((source) => !known.has(source))
      .map((source) => `${source} (in ${name})`);
  });
}

/** Where a file of declarations has a type from, itself included; undefined for a type of the language. */
function sourceOf(type: string, declarations: string, file: string): string | undefined {
  for (const [, names, from] of declarations.matchAll(
    /import (?:type )?\{([^}]*)\} from '(\.[^']+)\.(?:ts|js)'/g,
  )) {
    const name = names.split(',').find(
      (one) =>
        one
          .trim()
          .replace(/^type /, '')
          .split(' as ')
          .at(-1) === type,
    );
    const path = new URL(from, new URL(file, 'file:///')).pathname.slice(1);
    if (name !== undefined)
      return `${path} ${
        name
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0]
      }`;
  }
  const isOwn = new RegExp(`^(?:export )?(?:declare )?(?:interface|type|class) ${type}\\b`, 'm').test(
    declarations,
  );
  return isOwn ? `${file} ${type}` : undefined;
}

/** The declaration of an export, with the comment before it. */
function declaration(name: string, declarations: string, file: string): { comment: string; code: string } {
  const found = new RegExp(
    `(?:^/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\n)?^export (?:declare )?(?:function|interface|type|class|const) ${name}\\b(?:[^\\n]*;|[\\s\\S]*?\\n\\}[^\\n]*)$`,
    'm',
  ).exec(declarations);
  if (!found) throw new Error(`No declaration of ${name} in ${file}.d.ts`);
  const [whole, comment = ''] = found;
  return { comment, code: whole.slice(whole.indexOf('export ', comment.length)) };
}

/** @param exported `name`, or `name as other` */
function section(exported: string, declarations: string, file: string): string {
  const [name, shown = name] = exported.split(' as ');
  const { comment, code } = declaration(name, declarations, file);
  const words = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .replace(/^@(\w+)/gm, '\n`@$1`')
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .trim();
  return `## ${shown}\n\n${words === '' ? '' : `${words}\n\n`}\`\`\`ts\n${code.replace(name, shown)}\n\`\`\`\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(PAGE, api().wanted);
