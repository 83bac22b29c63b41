/** One run at a time, and no lock that outlives its run. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { disk } from '../../../src/shared/store/files.ts';
import { isLocked, LOCK_FILE, lockStore } from '../../../src/shared/store/lock.ts';
import { newFolder } from '../../support/folders.ts';

/** Leaves the lock of a process that is gone. */
function leaveLock(
  dir: string,
  holder: { pid: number; host: string },
  secondsAgo: number,
  name = LOCK_FILE,
): void {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify({ token: 'theirs', started: 'long ago', ...holder }));
  const then = new Date(Date.now() - secondsAgo * 1000);
  utimesSync(path, then, then);
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** The number of a process that has ended. */
const ended = spawnSync(process.execPath, ['-e', '']).pid;

describe('the lock of a store', () => {
  it('lets one run in at a time, of many that start at once', async () => {
    const dir = newFolder();
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockStore(dir)));
    const acquired = tries.filter((one) => one.status === 'fulfilled');
    expect(acquired).toHaveLength(1);
    const refused = tries.find((one) => one.status === 'rejected');
    expect(refused?.reason.message).toContain(`Expected one run at a time on ${dir} but `);
    expect(await isLocked(dir)).toBe(true);
    await acquired[0].value.release();
    expect(await isLocked(dir)).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is taken from a process that is gone, by one of many', async () => {
    for (let round = 0; round < 40; round++) {
      const dir = newFolder();
      leaveLock(dir, { pid: ended, host: hostname() }, 1);
      expect(await isLocked(dir)).toBe(false);
      const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockStore(dir)));
      const locks = tries.filter((one) => one.status === 'fulfilled');
      expect(locks).toHaveLength(1);
      expect(locks[0].value.afterCrash).toBe(true);
      await locks[0].value.check();
      await locks[0].value.release();
      expect(readdirSync(dir)).toEqual([]);
    }
  });

  it('is taken though a run that was about to do so was killed', async () => {
    const dir = newFolder();
    leaveLock(dir, { pid: ended, host: hostname() }, 1);
    leaveLock(dir, { pid: ended, host: hostname() }, 10, `${LOCK_FILE}.tmp`);
    const lock = await lockStore(dir);
    expect(lock.afterCrash).toBe(true);
    await lock.release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of another machine counts until it has not been renewed for two minutes', async () => {
    const dir = newFolder();
    leaveLock(dir, { pid: ended, host: 'elsewhere' }, 30);
    await expect(lockStore(dir)).rejects.toThrow(`process ${ended} on elsewhere has been writing to it`);
    leaveLock(dir, { pid: ended, host: 'elsewhere' }, 150);
    await (await lockStore(dir)).release();
  });

  it('of an earlier process with this number is nobody’s', async () => {
    const dir = newFolder();
    leaveLock(dir, { pid: process.pid, host: hostname() }, 1);
    await (await lockStore(dir)).release();
  });

  it('of a dead run that another one has just removed is free', async () => {
    const dir = newFolder();
    leaveLock(dir, { pid: ended, host: hostname() }, 1);
    const { rename } = disk;
    vi.spyOn(disk, 'rename').mockImplementationOnce(async (from, to) => {
      await disk.rm(from);
      return rename(from, to);
    });
    await (await lockStore(dir)).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a dead run that cannot be removed is an error that says why', async () => {
    const dir = newFolder();
    leaveLock(dir, { pid: ended, host: hostname() }, 1);
    vi.spyOn(disk, 'rename').mockRejectedValueOnce(Object.assign(new Error(), { code: 'EACCES' }));
    await expect(lockStore(dir)).rejects.toThrow(`Cannot replace ${join(dir, LOCK_FILE)}: `);
  });

  it('that was cut short is waited for, then forgotten', async () => {
    const dir = newFolder();
    writeFileSync(join(dir, LOCK_FILE), '');
    const lock = await lockStore(dir);
    expect(lock.afterCrash).toBe(true);
    await lock.check();
    await lock.release();
  }, 10_000);

  it('that is being written is waited for, and respected', async () => {
    const dir = newFolder();
    writeFileSync(join(dir, LOCK_FILE), '{"tok');
    const locking = lockStore(dir);
    setTimeout(() => leaveLock(dir, { pid: process.ppid, host: hostname() }, 0), 300);
    await expect(locking).rejects.toThrow(`process ${process.ppid} on ${hostname()} has been writing to it`);
  });

  it('shows a run that was taken for dead that another one took over', async () => {
    const dir = newFolder();
    const lock = await lockStore(dir);
    leaveLock(dir, { pid: ended, host: 'elsewhere' }, 0);
    await expect(lock.check()).rejects.toThrow('another one took it over');
    await lock.release();
    expect(existsSync(join(dir, LOCK_FILE))).toBe(true);
    expect(readFileSync(join(dir, LOCK_FILE), 'utf8')).toContain('elsewhere');
  });
});
