/** Every option of every command and function, from the tables that they are made from: limits, types, names, defaults. */
import { describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../src/commands.ts';
import { EXPORT_OPTIONS } from '../src/export/options.ts';
import { BACKBONE_OPTIONS, DATASET_OPTIONS, EXTRACT_OPTIONS } from '../src/extract/options.ts';
import { extractRequest } from '../src/extract/request.ts';
import { FINE_TUNE_OPTIONS } from '../src/fine-tune/options.ts';
import {
  exportHead,
  extract,
  fineTune,
  openDataset,
  openPredictor,
  trainHeads,
  UsageError,
} from '../src/index.ts';
import { PREDICTOR_OPTIONS } from '../src/predict/options.ts';
import { requestedColumns } from '../src/shared/backbones/depths.ts';
import { readFlags, shownDefault, yargsOptions } from '../src/shared/cli/flags.ts';
import { runCommandLine } from '../src/shared/cli/program.ts';
import { flagOf, type Option, type OptionTable, within } from '../src/shared/options.ts';
import { byteSize, toggle } from '../src/shared/values.ts';
import { sweepOptions, TRAIN_HEAD_OPTIONS } from '../src/train/options/train-options.ts';

/** A call of each command that finds nothing to do: no refusal of a flag comes from what it would have done. */
const CALLS: Record<keyof typeof COMMANDS, Readonly<Record<string, string>>> = {
  extract: { '--data': 'nowhere' },
  'train-head': { '--features': 'nowhere' },
  'fine-tune': { '--head': 'nowhere' },
  predict: { '': 'nowhere.jpg', '--head': 'nowhere' },
  serve: { '--head': 'nowhere' },
  export: { '--head': 'nowhere', '--format': 'onnx', '--out': 'nowhere' },
  backbones: { '': 'nothing' },
  cache: { '': 'prune' },
  doctor: {},
};

/** What a call prints and ends with, in this process. */
async function called(
  name: keyof typeof COMMANDS,
  args: string[],
): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const note = (name: keyof typeof written) => (text: unknown) => {
    written[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(note('stdout')),
    vi.spyOn(process.stderr, 'write').mockImplementation(note('stderr')),
    vi.spyOn(console, 'log').mockImplementation(note('stdout')),
  ];
  process.exitCode = undefined;
  try {
    await runCommandLine(name, await COMMANDS[name](), args);
    return { status: process.exitCode, ...written };
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

/** The call of a command without `flag`, which the test gives itself. */
const callWithout = (command: keyof typeof COMMANDS, flag: string): string[] =>
  Object.entries(CALLS[command]).flatMap(([name, value]) =>
    name === flag ? [] : name === '' ? [value] : [`${name}=${value}`],
  );

/** Numbers beside the limits of a kind, and of whole numbers a fraction. */
function wrongNumbers({ limits, numbers }: Option<unknown>['kind']): number[] {
  if (limits === undefined) return [];
  const { minimum, maximum, above, below } = limits;
  const step = numbers === 'whole' ? 1 : 1e-6;
  return [
    ...[minimum === undefined ? [] : minimum - step, above ?? [], below ?? []],
    ...[maximum === undefined ? [] : maximum + step],
    ...(numbers === 'whole' ? [(minimum ?? 0) + 0.5] : []),
  ].flat();
}

/** Text that a flag refuses. */
function wrongTexts({ kind, alone }: Option<unknown>): string[] {
  if (kind === toggle) return ['maybe'];
  const takesAnything = kind.allows('!') || kind.allows(['!']);
  const numbers = wrongNumbers(kind).filter((value) => kind !== byteSize || Number.isInteger(value));
  return [...numbers.map(String), ...(takesAnything ? [] : ['!']), ...(alone === undefined ? [''] : [])];
}

const misspelt = (name: string): string => name + name.at(-1);

const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
const commands = await Promise.all(names.map(async (name) => ({ name, ...(await COMMANDS[name]()) })));

describe.each(commands)('permafrost $name', ({ name, options }) => {
  const flags = Object.entries<Option<unknown>>(options)
    .filter(([, { flag }]) => flag !== false)
    .map(([key, option]) => ({ flag: `--${flagOf(key)}`, key, option }));

  it.each(flags)('refuses what $flag does not take, and names it', async ({ flag, option }) => {
    const others = callWithout(name, flag);
    for (const text of wrongTexts(option)) {
      const { status, stderr, stdout } = await called(name, [...others, `${flag}=${text}`]);
      const received = JSON.stringify(text);
      if (text === '' && option.kind.repeats) expect(stderr).toMatch(`Missing value for ${flag}`);
      else expect(stderr).toMatch(new RegExp(`^Expected .*for ${flag} but received ${received}`));
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
    // yargs takes the last of several switches.
    if (option.kind.repeats || option.kind === toggle) return;
    const { status, stderr } = await called(name, [...others, `${flag}=1`, `${flag}=1`]);
    expect(stderr).toContain(`Expected one value for ${flag} but received `);
    expect(status).toBe(2);
  });

  it.each(flags)('knows what is almost $flag', async ({ flag }) => {
    const { status, stderr } = await called(name, [...callWithout(name, flag), `${misspelt(flag)}=x`]);
    expect(stderr).toMatch(new RegExp(`^Unknown flag ${misspelt(flag)} \\(did you mean .*${flag}\\b`));
    expect(status).toBe(2);
  });

  it('shows all flags, no other, and the defaults that it uses', async () => {
    const { stdout } = await called(name, ['--help']);
    const help = stdout.replace(/\s+/g, ' ');
    const shown = stdout.matchAll(/^ +(?:-h, )?--([a-z0-9-]+) /gm);
    expect(Array.from(shown, ([, flag]) => flag).sort()).toEqual(
      [...Object.keys(yargsOptions(options)), 'help', 'version'].sort(),
    );
    const used: Readonly<Record<string, unknown>> = readFlags(options, {});
    for (const { flag, key, option } of flags) {
      const [text] = help.slice(help.indexOf(` ${flag} `)).split(/ --[a-z]/, 1);
      const value = shownDefault(option);
      if (value === undefined) expect(text).not.toContain('[default');
      else expect(help.slice(help.indexOf(` ${flag} `))).toContain(`[default: ${value}]`);
      expect(used[key]).toBe(option.default);
      if (option.default === undefined) continue;
      expect(option.kind.allows(option.default)).toBe(true);
      expect(option.kind.parse(option.kind.format(option.default), flag)).toEqual(option.default);
    }
  });
});

const FUNCTIONS: Readonly<
  Record<string, { call(options: never): Promise<unknown>; options: OptionTable; given: object }>
> = {
  extract: {
    call: extract,
    options: { ...within('backbone', BACKBONE_OPTIONS), ...EXTRACT_OPTIONS },
    given: { data: 'nowhere', backbone: { name: 'resnet50' } },
  },
  openDataset: { call: openDataset, options: DATASET_OPTIONS, given: { data: 'nowhere' } },
  trainHeads: {
    call: trainHeads,
    options: TRAIN_HEAD_OPTIONS,
    given: { source: { features: ['nowhere'] }, labels: { file: 'nowhere.csv' }, head: {} },
  },
  fineTune: { call: fineTune, options: FINE_TUNE_OPTIONS, given: { head: 'nowhere' } },
  openPredictor: { call: openPredictor, options: PREDICTOR_OPTIONS, given: { head: 'nowhere' } },
  exportHead: {
    call: exportHead,
    options: EXPORT_OPTIONS,
    given: { head: 'nowhere', format: 'onnx', out: 'nowhere' },
  },
};

/** The options with one more, whose name is in the field that its path names. */
function withField(given: object, [first, ...rest]: readonly string[], value: unknown): object {
  const inner = (given as Record<string, object>)[first] ?? {};
  return { ...given, [first]: rest.length === 0 ? value : withField(inner, rest, value) };
}

/** What no option takes. */
const NO_VALUES = [() => 1, 10n, Number.NaN, null, new Date(0)];

describe.each(Object.keys(FUNCTIONS))('%s', (name) => {
  const { call, options, given } = FUNCTIONS[name];
  const fields = Object.entries(options)
    .filter(([, { field }]) => field !== false)
    .map(([key, option]) => ({ field: option.field || key, option }));

  async function messageOf(options: object): Promise<string> {
    const thrown: unknown = await call(options as never).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(UsageError);
    return (thrown as Error).message;
  }

  it.each(fields)('refuses what $field does not take, and names it', async ({ field, option: { kind } }) => {
    for (const value of [...NO_VALUES, ...wrongNumbers(kind), kind === toggle ? 'true' : true]) {
      const message = await messageOf(withField(given, field.split('.'), value));
      expect(message).toMatch(new RegExp(`^Expected .*for ${field.replaceAll('.', '\\.')}\\b`));
      expect(message).not.toMatch(/(^|\s)--[a-z]/);
    }
  });

  it.each(fields)('knows what is almost $field', async ({ field }) => {
    const path = field.split('.');
    const wrong = misspelt(path.pop() ?? field);
    const message = await messageOf(withField(given, [...path, wrong], true));
    expect(message).toMatch(
      new RegExp(`for its name but received "${wrong}" \\(did you mean .*${wrong.slice(0, -1)}\\b`),
    );
  });
});

describe('without options', () => {
  it('a program extracts as the command does', () => {
    const { backbone, pooling, ...flags } = readFlags(BACKBONE_OPTIONS, {});
    const { networks, settings } = extractRequest({});
    expect(networks).toMatchObject([{ name: backbone[0], engine: flags.engine }]);
    expect(networks[0].poolings).toEqual(requestedColumns(backbone[0], pooling));
    expect(networks).toEqual(
      extractRequest({ backbone: { name: backbone[0], weights: flags.weights } }).networks,
    );
    const { dtype, batchSize, concurrency, rehash, onError } = readFlags(EXTRACT_OPTIONS, {});
    expect(settings).toMatchObject({ dtype, batchSize, concurrency, rehash, onError });
  });

  it('a program trains as the command does', () => {
    const { split, seeds, stableSplit, task, workers, engine } = readFlags(TRAIN_HEAD_OPTIONS, {});
    const source = { features: ['store'] };
    expect(sweepOptions({ source })).toEqual({
      ...{ split, seeds, stableSplit, task, workers, engine, head: {} },
      source: { ...source, pooling: [] },
    });
  });

  it('an undefined list of a grid counts as left out', () => {
    const grid = [{ lr: [0.1], l2: undefined, pooling: undefined }];
    expect(sweepOptions({ source: { features: ['store'] }, grid }).grid).toStrictEqual([{ lr: [0.1] }]);
  });
});
