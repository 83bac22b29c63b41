/** Names of classes that may not be meant: two of one class, or none at all. */

/** Ways in which names differ that mostly mean one class: what they have in common, and how a message calls it. */
const VARIATIONS: readonly [differ: string, common: (name: string) => string | undefined][] = [
  ['in white space', (name) => name.replace(SPACE, '')],
  ['in upper and lower case', (name) => name.replace(SPACE, '').toLowerCase()],
  ['in how a number is written', numberIn],
];

const SPACE = /(?:\s|\u200b|\u200c|\u200d|\ufeff)+/g;

function numberIn(name: string): string | undefined {
  if (!/^\s*-?\d+(\.\d*)?\s*$/.test(name)) return undefined;
  const [whole, decimals = ''] = name.trim().split('.');
  return `${whole.replace(/^(-?)0+(?=\d)/, '$1')}.${decimals.replace(/0+$/, '')}`;
}

/** What programs write where nothing is. */
const MISSING = /^(nan|none|null|nil|na|n\/a|#n\/a|<na>|undefined|-1)$/i;

/** Examples in one sentence. */
const MAX_SHOWN = 5;

/** A sentence for each kind of class name that may not be meant. */
export function classNameNotes(classes: readonly string[]): string[] {
  const notes: string[] = [];
  const told = new Set<string>();
  for (const [differ, common] of VARIATIONS) {
    const groups = new Map<string, string[]>();
    for (const name of classes) {
      const key = common(name);
      if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), name]);
    }
    const several = [...groups.values()].filter(
      (names) => names.length > 1 && !names.every((name) => told.has(name)),
    );
    for (const name of several.flat()) told.add(name);
    if (several.length > 0) {
      const shown = several.map((names) => names.map((name) => JSON.stringify(name)).join(' and '));
      notes.push(`Classes that differ only ${differ}: ${listed(shown)}. Are they the same?`);
    }
  }
  const missing = classes.filter((name) => MISSING.test(name.trim()));
  if (missing.length > 0)
    notes.push(
      `Classes named as if there were no label: ${listed(missing.map((name) => JSON.stringify(name)))}. An empty cell means none`,
    );
  return notes;
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MAX_SHOWN;
  return `${texts.slice(0, MAX_SHOWN).join('; ')}${more > 0 ? ` and ${more} more` : ''}`;
}
