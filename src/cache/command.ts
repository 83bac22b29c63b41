/** The command `permafrost cache`: looks after the feature stores. */
import { dirname, join } from 'node:path';
import { runCommand } from '../shared/cli/command.ts';
import { jsonFlag } from '../shared/cli/common-flags.ts';
import { allValues, type Flags, onePath, oneValue, textFlag } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { InputError, UsageError } from '../shared/errors.ts';
import { counted, plural } from '../shared/plural.ts';
import { choice, number } from '../shared/values.ts';

/** What can be done with stores; the flags each takes are named in its description. */
const ACTIONS = ['ls', 'verify', 'merge', 'prune'] as const;
type Action = (typeof ACTIONS)[number];

const flags = {
  out: {
    ...textFlag,
    description: 'merge: folder of the merged store',
    defaultDescription: "the shards' folder",
  },
  'older-than': { ...textFlag, description: 'prune: also remove stores not written for this many days' },
  'dry-run': { type: 'boolean', default: false, description: 'prune: only print what would be removed' },
  json: jsonFlag,
} as const;

/** Which of the flags belong to which action. */
const OWN_FLAGS: Readonly<Record<Action, readonly string[]>> = {
  ls: [],
  verify: [],
  merge: ['out'],
  prune: ['older-than', 'dry-run'],
};

/** `permafrost cache`. */
export const cacheCommand: Command = {
  command: 'cache',
  describe: 'List, verify, merge and prune feature stores',
  operands: {
    name: 'action',
    missing: `action: one of ${ACTIONS.join(', ')}`,
    description: 'ls, verify, merge or prune, then folders of stores (default: cache)',
  },
  builder: flags,
  handler: (argv) => runCommand(() => run(argv), argv.json === true),
};

async function run(argv: Flags): Promise<object> {
  const [first, ...roots] = allValues(argv, 'action');
  const action = choice(ACTIONS).parse(first, 'permafrost cache');
  const foreign = Object.values(OWN_FLAGS)
    .flat()
    .find((flag) => !OWN_FLAGS[action].includes(flag) && argv[flag] !== undefined && argv[flag] !== false);
  if (foreign !== undefined) throw new UsageError(`--${foreign} does not go with cache ${action}`);
  const { findStores } = await import('./find.ts');
  const wanted = { mustHold: action === 'merge' || action === 'verify' };
  const dirs = await findStores(roots.length > 0 ? roots : ['cache'], wanted);
  return RUN[action](dirs, argv);
}

const print = (lines: readonly string[]): void =>
  void process.stdout.write(lines.map((line) => `${line}\n`).join(''));

/** apache-arrow takes most of the time to start, so each action loads what it needs. */
const RUN: Readonly<Record<Action, (dirs: string[], argv: Flags) => Promise<object>>> = {
  async ls(dirs, argv) {
    const { listLines, listStores } = await import('./list.ts');
    const stores = await listStores(dirs);
    if (argv.json !== true) print(stores.length > 0 ? listLines(stores) : ['No feature store there']);
    return { stores };
  },

  async verify(dirs, argv) {
    const { verifyStore } = await import('./verify.ts');
    const stores = [];
    for (const dir of dirs) {
      const verified = await verifyStore(dir);
      stores.push(verified);
      const { problems, rows } = verified;
      if (argv.json !== true || problems.length > 0) {
        const lines = problems.length > 0 ? problems : [`${counted(rows, 'row')}, no damage`];
        print(lines.map((line) => `${dir}: ${line}`));
      }
    }
    const damaged = stores.filter(({ problems }) => problems.length > 0);
    if (damaged.length > 0)
      throw new InputError(
        `${damaged.length} of ${counted(stores.length, 'store')} ${plural(damaged.length, 'is', 'are')} damaged`,
      );
    return { stores };
  },

  async merge(dirs, argv) {
    if (dirs.length === 0)
      throw new InputError('No feature store to merge: name folders that contain stores');
    const { mergeStores } = await import('./merge.ts');
    const out = onePath(argv, 'out') ?? commonFolder(dirs);
    const merged = await mergeStores(
      dirs.filter((dir) => dir !== out),
      out,
    );
    if (argv.json !== true)
      print([`${merged.out}: ${counted(merged.rows, 'row')} of ${counted(merged.stores, 'store')}`]);
    return merged;
  },

  async prune(dirs, argv) {
    const days = oneValue(argv, 'older-than');
    const { pruneStores } = await import('./prune.ts');
    const dryRun = argv['dry-run'] === true;
    const olderThanDays =
      days === undefined
        ? undefined
        : number('a number of days', (value) => value >= 0).parse(days, '--older-than');
    const pruned = await pruneStores(dirs, { olderThanDays, dryRun });
    if (argv.json !== true) {
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
