/** The command `permafrost cache`: looks after the feature stores and the activations that are cached beside them. */
import { dirname, join } from 'node:path';
import { runCommand } from '../shared/cli/command.ts';
import { type Flags, givenFlags, operandsOf, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { InputError, UsageError } from '../shared/errors.ts';
import { flagOf, type OptionTable, type Values } from '../shared/options.ts';
import { OUTPUT_OPTIONS } from '../shared/output-options.ts';
import { counted, plural } from '../shared/plural.ts';
import { choice, number, path, toggle } from '../shared/values.ts';
import type { Found } from './find.ts';

/** What can be done with stores; the flags each takes are named in its description. */
const ACTIONS = ['ls', 'verify', 'merge', 'prune'] as const;
type Action = (typeof ACTIONS)[number];

const OPTIONS = {
  out: { kind: path, description: 'merge: folder of the merged store', defaultText: "the shards' folder" },
  olderThan: {
    kind: number({ minimum: 0 }, 'a number of days'),
    description: 'prune: also remove stores and activations not written for this many days',
  },
  dryRun: { kind: toggle, description: 'prune: only print what would be removed', default: false },
  json: OUTPUT_OPTIONS.json,
} satisfies OptionTable;

type CacheOptions = Values<typeof OPTIONS>;

/** Which of the options belong to which action. */
const OWN_OPTIONS: Readonly<Record<Action, readonly string[]>> = {
  ls: [],
  verify: [],
  merge: ['out'],
  prune: ['olderThan', 'dryRun'],
};

/** `permafrost cache`. */
export const cacheCommand: Command = {
  command: 'cache',
  describe: 'List, verify, merge and prune feature stores and cached activations',
  operands: {
    name: 'action',
    missing: `action: one of ${ACTIONS.join(', ')}`,
    description: 'ls, verify, merge or prune, then folders of stores (default: cache)',
  },
  options: OPTIONS,
  handler: (argv) => runCommand(() => run(argv), argv.json === true),
};

async function run(argv: Flags): Promise<object> {
  const [first, ...roots] = operandsOf(argv, 'action');
  const action = choice(ACTIONS).parse(first, 'permafrost cache');
  const values = readFlags(OPTIONS, argv);
  const others = Object.values(OWN_OPTIONS)
    .flat()
    .filter((name) => !OWN_OPTIONS[action].includes(name));
  const foreign = Object.keys(givenFlags(OPTIONS, argv)).find((name) => others.includes(name));
  if (foreign !== undefined)
    throw new UsageError(`--${flagOf(foreign)} cannot be combined with cache ${action}`);
  const { findStores } = await import('./find.ts');
  const wanted = { mustHold: action === 'merge' || action === 'verify' };
  const found = await findStores(roots.length > 0 ? roots : ['cache'], wanted);
  return RUN[action](found, values);
}

const print = (lines: readonly string[]): void =>
  void process.stdout.write(lines.map((line) => `${line}\n`).join(''));

/** apache-arrow takes most of the time to start, so each action loads what it needs. */
const RUN: Readonly<Record<Action, (found: Found, options: CacheOptions) => Promise<object>>> = {
  async ls(found, { json }) {
    const { listActivations, listLines, listStores } = await import('./list.ts');
    const stores = await listStores(found.stores);
    const activations = await listActivations(found.activations);
    const lines = listLines(stores, activations);
    if (!json) print(lines.length > 0 ? lines : ['No feature store there']);
    return { stores, activations };
  },

  async verify(found, { json }) {
    const { verifyActivations, verifyStore } = await import('./verify.ts');
    const check = async (dirs: readonly string[], verify: typeof verifyStore) => {
      const all = [];
      for (const dir of dirs) {
        const verified = await verify(dir);
        all.push(verified);
        const { problems, rows } = verified;
        if (json && problems.length === 0) continue;
        const lines = problems.length > 0 ? problems : [`${counted(rows, 'row')}, no damage`];
        print(lines.map((line) => `${dir}: ${line}`));
      }
      return all;
    };
    const stores = await check(found.stores, verifyStore);
    const activations = await check(found.activations, verifyActivations);
    const all = [...stores, ...activations];
    const damaged = all.filter(({ problems }) => problems.length > 0);
    if (damaged.length > 0)
      throw new InputError(
        `${damaged.length} of ${counted(all.length, 'store')} ${plural(damaged.length, 'is', 'are')} damaged`,
      );
    return { stores, activations };
  },

  async merge({ stores, activations }, { out: folder, json }) {
    if (stores.length + activations.length === 0)
      throw new InputError('No feature store to merge: name folders that contain stores');
    const { mergeStores } = await import('./merge.ts');
    const { mergeActivations } = await import('./merge-activations.ts');
    const out = folder ?? commonFolder(stores.length > 0 ? stores : activations);
    const sources = stores.filter((dir) => dir !== out);
    const merged = sources.length > 0 ? await mergeStores(sources, out) : { out };
    const mergedActivations = await mergeActivations(activations, out);
    if (!json) {
      const lines = mergedActivations.map(
        ({ out: dir, folders, rows }) => `${dir}: ${counted(rows, 'row')} of ${counted(folders, 'folder')}`,
      );
      if ('rows' in merged)
        lines.unshift(`${merged.out}: ${counted(merged.rows, 'row')} of ${counted(merged.stores, 'store')}`);
      print(lines);
    }
    return { ...merged, activations: mergedActivations };
  },

  async prune(found, { olderThan: olderThanDays, dryRun, json }) {
    const { pruneStores } = await import('./prune.ts');
    const pruned = await pruneStores(found, { olderThanDays, dryRun });
    if (!json) {
      const verb = dryRun ? 'would be removed' : 'removed';
      print([
        ...pruned.removed,
        ...pruned.inUse.map((dir) => `${dir}: in use, not removed`),
        `${counted(pruned.removed.length, 'file')}, ${(pruned.bytes / 1e6).toFixed(1)} MB ${verb}`,
      ]);
    }
    return pruned;
  },
};

/** The folder that shards lie in side by side. */
function commonFolder(dirs: readonly string[]): string {
  const [first] = dirs;
  const folder = dirname(first);
  if (dirs.every((dir) => join(dirname(dir)) === join(folder))) return folder;
  throw new UsageError(
    'Missing --out: the stores are in several folders, so name a folder for the merged one',
  );
}
