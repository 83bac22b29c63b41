/** Cells of labels: one, several with something between them, or a list as programs print it. */
import { expectedMessage, InputError, shown } from '../errors.ts';
import { counted, plural } from '../plural.ts';
import { SEPARATOR } from './columns.ts';

/** Reads cells of labels and remembers what the user may not have meant. */
export interface LabelReader {
  /** The labels of a cell, none twice. Equal cells share one list. */
  read(cell: unknown, where: string): string[];
  /** A sentence for each thing that was noticed. */
  notes(): string[];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** What becomes the same in UTF-8 for different names: U+FFFD, and halves of surrogate pairs. */
const LOSSY = /[\ufffd\ud800-\udfff]/u;

/**
 * A name as it is kept: composed (NFC), so that it is one whatever it was typed or stored on. macOS keeps names decomposed.
 * @throws InputError for one that was decoded with loss before
 */
export function keptName(name: string, where: string): string {
  if (LOSSY.test(name))
    throw new InputError(
      `${expectedMessage('text', where, name)}, which has lost letters: it was saved or unpacked with the wrong encoding`,
    );
  return name.normalize('NFC');
}

/** What else than {@link SEPARATOR} people put between labels. */
const OTHER_SEPARATORS = [',', ';'];

/**
 * Without `separator`, labels are joined by `|`, and cells that hold a list as Python or JSON prints it
 * (`['a', 'b']`) are lists.
 */
export function labelReader(separator?: string): LabelReader {
  const labelsOf = new Map<string, string[]>();
  let list: string | undefined;
  const split = (cell: string): string[] => {
    if (separator !== undefined) return separator === '' ? [cell] : cell.split(separator);
    const items = listItems(cell);
    if (items) list ??= cell;
    return items ?? cell.split(SEPARATOR);
  };
  return {
    read(cell, where) {
      if (typeof cell !== 'string') return labelList(Array.isArray(cell) ? cell : [cell], where);
      const found = labelsOf.get(cell);
      if (found) return found;
      const labels = labelList(split(cell), where);
      labelsOf.set(cell, labels);
      return labels;
    },
    notes() {
      if (separator !== undefined) return [];
      const notes = OTHER_SEPARATORS.flatMap((other) => {
        const joined = [...new Set([...labelsOf.values()].flat())].filter((label) => isJoined(label, other));
        return joined.length === 0
          ? []
          : [
              `${counted(joined.length, 'label')} ${plural(joined.length, 'holds', 'hold')} "${other}", such as ${shown(joined[0])}: --label-separator "${other}" makes several labels of each`,
            ];
      });
      const tags = spacedTags([...new Set([...labelsOf.values()].flat())]);
      if (tags !== undefined)
        notes.push(
          `Labels such as ${shown(tags)} are made of words that come again in others: --label-separator " " makes a label of each word`,
        );
      if (list !== undefined)
        notes.push(
          `Cells like ${shown(list)} are read as lists of labels (--label-separator "" keeps them whole)`,
        );
      return notes;
    },
  };
}

/**
 * The class that a column is called after.
 * @throws InputError for a name that is no label
 */
export function classOfColumn(name: string, manifest: string): string {
  const [label] = labelList([name], `the header of ${manifest}`);
  return label;
}

/** Fewer are too few to tell tags from names of two words. */
const MIN_SPACED_LABELS = 5;

/**
 * A label with spaces, where these have fewer words than there are labels: `haze primary`, `clear primary`, `clear road`.
 * Names of two words (`golden retriever`) have more.
 */
function spacedTags(labels: readonly string[]): string | undefined {
  const spaced = labels.filter((label) => isJoined(label, ' '));
  if (spaced.length < MIN_SPACED_LABELS) return undefined;
  const words = new Set(spaced.flatMap((label) => label.split(' ')));
  return words.size < spaced.length ? spaced[0] : undefined;
}

function isJoined(label: string, separator: string): boolean {
  return label.split(separator).filter((name) => name.trim() !== '').length > 1;
}

function labelList(labels: unknown[], where: string): string[] {
  const texts = labels.map((label) => {
    if (label === null || Number.isNaN(label)) return '';
    if (typeof label === 'number' || typeof label === 'boolean' || typeof label === 'bigint')
      return String(label);
    if (typeof label !== 'string') throw new InputError(expectedMessage('a label', where, label));
    if (CONTROL.test(label.trim()))
      throw new InputError(expectedMessage('a label on one line, without control characters,', where, label));
    return keptName(label.trim(), where);
  });
  return [...new Set(texts.filter((label) => label !== ''))];
}

/** `['a', 'b']`, `("a",)`, `{'a'}` or `['a' 'b']`, as Python, JSON, pandas and NumPy print lists of text. */
const LIST = /^(?:\[(.*)\]|\((.*)\)|\{(.*)\})$/s;
/** An item of it with what separates it from the next: quoted text, or a number. */
const ITEM = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?))(?:\s*,|\s+|\s*$)/sy;

function jsonList(cell: string): string[] | undefined {
  try {
    const items = JSON.parse(cell) as unknown[];
    const isPlain = items.every((item) => typeof item === 'string' || typeof item === 'number');
    return isPlain ? items.map(String) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Labels as one cell of a CSV file: joined by `|`, or as a JSON list where that would be read as other labels (one holds
 * `|`, or looks like a list). A {@link labelReader} gives them back.
 */
export function labelCell(labels: readonly string[]): string {
  const joined = labels.join(SEPARATOR);
  const isAmbiguous = labels.some((label) => label.includes(SEPARATOR)) || listItems(joined) !== undefined;
  return isAmbiguous ? JSON.stringify(labels) : joined;
}

/** The items of a printed list; undefined where a cell is none. */
function listItems(cell: string): string[] | undefined {
  const found = LIST.exec(cell.trim());
  if (!found) return undefined;
  const json = found[1] === undefined ? undefined : jsonList(cell);
  if (json) return json;
  const inside = (found[1] ?? found[2] ?? found[3]).trim();
  if (inside === '') return found[1] === undefined ? undefined : [];
  const items: string[] = [];
  ITEM.lastIndex = 0;
  while (ITEM.lastIndex < inside.length) {
    const item = ITEM.exec(inside);
    if (!item) return undefined;
    const [, single, double, number] = item;
    items.push(number ?? (single ?? double).replace(/\\(.)/gs, '$1'));
    // Bare numbers in parentheses are as likely a name: "(1)".
    if (number !== undefined && found[1] === undefined) return undefined;
  }
  return items;
}
