/** The commands of docs/recipes.md. */
import { readFileSync } from 'node:fs';

/** The arguments of every command in a recipe. */
export interface Recipe {
  title: string;
  commands: string[][];
}

export function readRecipes(): Recipe[] {
  const text = readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8');
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => ({
      title: part.slice(0, part.indexOf('\n')),
      commands: [...part.matchAll(/^permafrost (.*)$/gm)].map(([, line]) => words(line)),
    }));
}

/** Words of a shell line; quotes keep some together. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain);
}
