/** `npm run docs` writes docs/options.md from the tables of options, too. A test fails when it is old. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { COMMANDS } from '../src/commands.ts';
import { EXPORT_OPTIONS } from '../src/export/options.ts';
import { BACKBONE_OPTIONS, DATASET_OPTIONS, EXTRACT_OPTIONS } from '../src/extract/options.ts';
import { FINE_TUNE_OPTIONS } from '../src/fine-tune/options.ts';
import { PREDICTOR_OPTIONS } from '../src/predict/options.ts';
import { shownDefault } from '../src/shared/cli/flags.ts';
import { flagOf, type Option, type OptionTable, within } from '../src/shared/options.ts';
import { TRAIN_HEAD_OPTIONS } from '../src/train/options/train-options.ts';

const PAGE = new URL('../docs/options.md', import.meta.url);

const INTRODUCTION = `# Options

All options of all commands, and the field that a program passes each in ([library.md](library.md)). This page is made by
\`npm run docs\` from the tables that flags and checks are made from.
`;

/** The functions of the library that take a command's options, each with its own. */
const FUNCTIONS: Readonly<Partial<Record<string, Readonly<Record<string, OptionTable>>>>> = {
  extract: {
    openDataset: DATASET_OPTIONS,
    extract: { ...within('backbone', BACKBONE_OPTIONS), ...EXTRACT_OPTIONS },
  },
  'train-head': { trainHeads: TRAIN_HEAD_OPTIONS },
  'fine-tune': { fineTune: FINE_TUNE_OPTIONS },
  predict: { openPredictor: PREDICTOR_OPTIONS },
  export: { exportHead: EXPORT_OPTIONS },
};

/** docs/options.md as it is, and as it should be. */
export async function optionsPage(): Promise<{ present: string; wanted: string }> {
  const sections = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => section(name, (await load()).options)),
  );
  return {
    present: readFileSync(PAGE, { encoding: 'utf8', flag: 'a+' }),
    wanted: [INTRODUCTION, ...sections].join('\n'),
  };
}

function section(command: string, options: OptionTable): string {
  const functions = Object.entries(FUNCTIONS[command] ?? {});
  const called = functions.map(([name]) => name).join(' or ');
  const head = ['flag', ...(called === '' ? [] : [`field of ${called}`]), 'values', 'default', 'meaning'];
  const rows = Object.entries(options).map(([name, option]) => {
    const { kind, description, required, flag, needs } = option;
    return [
      flag === false ? '' : `\`--${flagOf(name)}\``,
      ...(called === '' ? [] : [fieldOf(name, functions)]),
      kind.what + (kind.repeats ? ' (repeat the flag)' : ''),
      required === true ? 'must be given' : defaultCell(option),
      needs ? `${description} (needs ${needs.what})` : description,
    ];
  });
  const lines = [head, head.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  );
  return `## ${command}\n\n${lines.join('\n')}\n`;
}

function defaultCell(option: Option<unknown>): string {
  const shown = shownDefault(option) ?? '';
  return option.defaultText === undefined && shown !== '' ? `\`${shown}\`` : shown;
}

/** Nothing for what is a flag only. */
function fieldOf(name: string, functions: readonly [name: string, options: OptionTable][]): string {
  const fields = functions
    .filter(([, options]) => name in options && options[name].field !== false)
    .map(([, options]) => `\`${options[name].field || name}\``);
  return fields.join(', ');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(PAGE, (await optionsPage()).wanted);
