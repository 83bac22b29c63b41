/** One writer at a time: a lock file in the store's folder, which a killed run leaves behind without harm. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../errors.ts';
import { codeOf, disk, diskError, makeFolder } from './files.ts';

/** The right to write to a store. */
export interface StoreLock {
  /** Whether an earlier run ended without giving its lock back: it was killed, or its machine went down. */
  afterCrash: boolean;
  /** @throws InputError when another run holds the lock by now, because this one was taken for dead */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Who holds a lock, as its file says. */
interface Holder {
  token: string;
  pid: number;
  host: string;
  started: string;
}

export const LOCK_FILE = 'writer.lock';
/** A lock is renewed this often, in milliseconds. */
const RENEWAL = 15_000;
/** A lock on another machine, or of a process that may be another by now, counts this long after its last renewal. */
const EXPIRY = 120_000;
/** Between making its lock and writing its name into it, which takes an instant, a run gets this long at most. */
const STARTING = 5000;

/** Locks that this process holds; one with its process number that is not among them is an earlier process's. */
const own = new Set<string>();

/**
 * Locks a store's folder (made if need be) for writing, so that two runs never mix their parts.
 * @throws InputError when another run is writing to it, or the folder cannot be written
 */
export async function lockStore(dir: string): Promise<StoreLock> {
  await makeFolder(dir);
  const path = join(dir, LOCK_FILE);
  const mine: Holder = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
  };
  // Before the file names it: until then, this process would take it for an earlier one's.
  own.add(mine.token);
  let afterCrash = false;
  try {
    while (!afterCrash && !(await create(path, mine))) {
      const there = await lookAgain(path);
      if (!there) continue;
      if (there.holder && isAlive(there)) throw inUse(dir, there.holder);
      afterCrash = await takeOver(path, there, mine);
    }
  } catch (thrown) {
    own.delete(mine.token);
    throw thrown;
  }
  const renewal = setInterval(() => {
    const now = new Date();
    // A lock that cannot be renewed shows at the next check.
    disk.utimes(path, now, now).catch(() => {});
  }, RENEWAL).unref();
  const isMine = async () => (await look(path))?.holder?.token === mine.token;
  return {
    afterCrash,
    async check() {
      if (await isMine()) return;
      throw new InputError(
        `Expected one run at a time on ${dir} but another one took it over while this one did not respond`,
      );
    },
    async release() {
      clearInterval(renewal);
      own.delete(mine.token);
      if (await isMine().catch(() => false)) await disk.rm(path, { force: true }).catch(() => {});
    },
  };
}

/** Whether a run is writing to the store at `dir` now. */
export async function isLocked(dir: string): Promise<boolean> {
  const there = await lookAgain(join(dir, LOCK_FILE));
  return there !== undefined && isAlive(there);
}

/** A lock file as it was found; its holder is unknown while it is being written, or when a run was killed just then. */
interface Found {
  holder: Holder | undefined;
  /** Milliseconds since its last renewal. */
  age: number;
}

/** Makes the lock file; false when there is one. */
async function create(path: string, holder: Holder): Promise<boolean> {
  try {
    const handle = await disk.open(path, 'wx');
    try {
      await handle.writeFile(JSON.stringify(holder));
    } catch (thrown) {
      await disk.rm(path, { force: true }).catch(() => {});
      throw thrown;
    } finally {
      await handle.close();
    }
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false;
    throw diskError('write', path, thrown);
  }
}

async function look(path: string): Promise<Found | undefined> {
  try {
    const { mtimeMs } = await disk.stat(path);
    return { holder: holderIn(await disk.readFile(path, 'utf8')), age: Date.now() - mtimeMs };
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw diskError('read', path, thrown);
  }
}

/** The lock file as soon as it names its holder; a run that was killed before it did so never will. */
async function lookAgain(path: string): Promise<Found | undefined> {
  const started = performance.now();
  for (;;) {
    const found = await look(path);
    if (!found || found.holder || performance.now() - started > STARTING) return found;
    await sleep(STARTING / 50);
  }
}

function holderIn(json: string): Holder | undefined {
  try {
    const { token, pid, host, started } = JSON.parse(json) as Partial<Record<keyof Holder, unknown>>;
    if (typeof token !== 'string' || typeof pid !== 'number' || typeof host !== 'string') return undefined;
    return { token, pid, host, started: String(started) };
  } catch {
    return undefined;
  }
}

function isAlive({ holder, age }: Found): boolean {
  if (!holder) return false;
  if (own.has(holder.token)) return true;
  if (holder.host === hostname() && (holder.pid === process.pid || !processExists(holder.pid))) return false;
  return age < EXPIRY;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
}

/**
 * Replaces a dead run's lock in one step. Of several runs that try, one at a time makes the file that will be the new
 * lock, and goes on only if the dead lock is still there: a run that was slower never removes the lock of a faster one.
 * @returns whether the lock is now `mine`
 */
async function takeOver(path: string, dead: Found, mine: Holder): Promise<boolean> {
  const next = `${path}.tmp`;
  if (!(await create(next, mine))) {
    const other = await look(next);
    // Its run was killed between two calls.
    if (other && other.age > STARTING) await disk.rm(next, { force: true });
    else await sleep(STARTING / 500);
    return false;
  }
  const there = await look(path);
  if (!there || there.holder?.token !== dead.holder?.token) {
    await disk.rm(next, { force: true });
    return false;
  }
  try {
    await disk.rename(next, path);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    await disk.rm(next, { force: true }).catch(() => {});
    throw diskError('replace', path, thrown);
  }
  // A run that took this one for dead may have put its own file there.
  return (await look(path))?.holder?.token === mine.token;
}

function inUse(dir: string, { pid, host, started }: Holder): InputError {
  return new InputError(
    `Expected one run at a time on ${dir} but process ${pid} on ${host} has been writing to it since ${started}. A run that was killed on another machine is forgotten after ${EXPIRY / 60_000} minutes`,
  );
}
