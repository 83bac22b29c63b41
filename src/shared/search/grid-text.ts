/** Grids: lists of values by the names of their options, written inline or in a file, and their combinations. */
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { decodeText } from '../encoding.ts';
import { expectedMessage, InputError, messageOf, UsageError, unexpected, usage } from '../errors.ts';
import { flagOf } from '../options.ts';
import { causeOf } from '../store/files.ts';
import { didYouMean } from '../suggest.ts';

/** Bytes of a grid file. */
const MAX_BYTES = 1 << 20;

/** Values of options, in their order; an option may be named twice. */
export interface GridLists {
  lists: (readonly [name: string, values: string[]])[];
  /** Where they stood. */
  where: string;
}

/**
 * Reads what was written after `--grid`.
 *
 * Inline: `lr=1e-2,1e-3;hidden=none,256x64`. Otherwise the path of a .yaml, .yml or .json file with an object of lists,
 * `lr: [1e-2, 1e-3]`, or a list of such objects. A value may be a list of its own, and a single value stands for a list
 * of one.
 * @param separator between the entries of a value that is a list, by the option's name
 * @throws UsageError for text that is no grid, InputError for a file that cannot be read as one
 */
export async function readGridLists(
  specOrFile: string,
  separator: (name: string, where: string) => string,
): Promise<GridLists[]> {
  const spec = specOrFile.trim();
  if (!['.yaml', '.yml', '.json'].includes(extname(spec).toLowerCase())) return [parseInline(spec)];
  const content = parsedFile(spec, await readGridFile(spec));
  const blocks = Array.isArray(content) ? content : [content];
  if (blocks.length === 0) throw unexpected('at least one object of lists', spec, content);
  return blocks.map((block) => listsFrom(block, spec, separator));
}

function parseInline(spec: string): GridLists {
  const lists = spec
    .split(';')
    .filter((option) => option.trim() !== '')
    .map((option): [string, string[]] => {
      const [name = '', values, ...rest] = option.split('=');
      if (values === undefined || rest.length > 0) throw notAGrid(spec);
      return [name.trim(), values.split(',').map((value) => value.trim())];
    });
  if (lists.length === 0) throw notAGrid(spec);
  return { lists, where: '--grid' };
}

function notAGrid(spec: string): UsageError {
  return usage('values like "lr=1e-2,1e-3;hidden=none,256" or a .yaml or .json file', '--grid', spec);
}

async function readGridFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw unexpected(`at most ${MAX_BYTES} bytes`, path, size);
    return decodeText(await readFile(path), path);
  } catch (thrown) {
    if (thrown instanceof InputError) throw thrown;
    throw new InputError(`Cannot read ${path} (--grid): ${causeOf(thrown)}`);
  }
}

function parsedFile(path: string, text: string): unknown {
  try {
    // JSON is YAML.
    return parseYaml(text, { logLevel: 'error' });
  } catch (thrown) {
    // What follows the first line is a drawing of the place.
    const [reason] = messageOf(thrown).split('\n', 1);
    throw new InputError(`Expected YAML or JSON for ${path} but received ${reason.replace(/:$/, '')}`);
  }
}

function listsFrom(
  content: unknown,
  path: string,
  separator: (name: string, where: string) => string,
): GridLists {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw unexpected('an object of lists', path, content);
  }
  const lists = Object.entries(content).map(([name, values]: [string, unknown]): [string, string[]] => {
    const list = Array.isArray(values) ? values : [values];
    return [name, list.map((value) => textOf(name, value, path, separator))];
  });
  if (lists.length === 0) throw unexpected('at least one option', path, content);
  return { lists, where: path };
}

/** A value of a file as it would be written inline. */
function textOf(
  name: string,
  value: unknown,
  path: string,
  separator: (name: string, where: string) => string,
): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const plain = (item: unknown) => typeof item === 'string' || typeof item === 'number';
  if (Array.isArray(value) && value.length > 0 && value.every(plain)) {
    return value.join(separator(name, path));
  }
  throw unexpected('text, a number, true or false', `${name} in ${path}`, value);
}

/**
 * The option that a grid's key names, in kebab or camel case.
 * @param what the key should be
 * @throws UsageError for another name
 */
export function namedOption<K extends string>(
  name: string,
  where: string,
  { keys, what }: { keys: readonly K[]; what: string },
): K {
  const key = keys.find((candidate) => candidate === name || flagOf(candidate) === name);
  if (key !== undefined) return key;
  throw new UsageError(expectedMessage(what, where, name) + didYouMean(name, keys.map(flagOf)));
}

/**
 * Values by their options.
 * @param parse reads a value of an option that stood at `place`
 * @throws UsageError for an option that is named twice or has no values, and what `keyOf` and `parse` throw
 */
export function readBlock<K extends string>(
  { lists, where }: GridLists,
  keyOf: (name: string, where: string) => K,
  parse: (text: string, key: K, place: string) => unknown,
): Partial<Record<K, unknown[]>> {
  const block: Partial<Record<K, unknown[]>> = {};
  for (const [name, values] of lists) {
    const key = keyOf(name, where);
    if (key in block) throw usage('each option once', where, name);
    const place = `${name} in ${where}`;
    if (values.length === 0) throw usage('at least one value', place, values);
    block[key] = values.map((value) => parse(value, key, place));
  }
  return block;
}

/** How many {@link combinations} a block has. */
export function combinationCount(block: object): number {
  return listsOf(block).reduce((product, [, values]) => product * values.length, 1);
}

/** All combinations of a block's values in the order of its keys, the last one changing fastest. */
export function combinations<T>(block: { [K in keyof T]?: readonly unknown[] }): Partial<T>[] {
  const found = listsOf(block).reduce<object[]>(
    (sofar, [key, values]) => sofar.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
  return found as Partial<T>[];
}

/** The lists of a block; one that is undefined counts as left out. */
function listsOf(block: object): [key: string, values: readonly unknown[]][] {
  return Object.entries(block).filter(([, values]) => values !== undefined);
}
