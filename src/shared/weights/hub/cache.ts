/**
 * The cache of huggingface_hub, in its own layout, so that either program finds what the other one downloaded:
 *
 *     models--ORG--NAME/refs/REVISION           the commit that a branch or tag was at
 *     models--ORG--NAME/blobs/HASH              contents, by SHA-256 (large files) or git's SHA-1
 *     models--ORG--NAME/snapshots/COMMIT/FILE   a link to its blob
 *     models--ORG--NAME/.no_exist/COMMIT/FILE   empty: the commit has no such file
 */
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { codeOf, diskError } from '../../store/files.ts';
import { isCommit, type PinnedFile } from './reference.ts';

export interface HubCache {
  /** Where a file of a commit is, or will be. */
  snapshot(pinned: PinnedFile): string;
  /** Where content of a hash is, or will be. */
  blob(repository: string, hash: string): string;
  /** A folder for the lock on a blob. */
  lock(repository: string, hash: string): string;
  /** The commit that a revision was at when last seen. */
  readRef(repository: string, revision: string): Promise<string | undefined>;
  writeRef(repository: string, revision: string, commit: string): Promise<void>;
  /** Paths of the files of a commit that are there. */
  files(repository: string, commit: string): Promise<string[]>;
  /** Whether the commit is known to have no such file. */
  isMissing(pinned: PinnedFile): Promise<boolean>;
  setMissing(pinned: PinnedFile): Promise<void>;
  /** Makes a blob the content of a file of a commit. */
  link(pinned: PinnedFile, hash: string): Promise<void>;
}

/** @param root folder of all repositories */
export function openHubCache(root: string): HubCache {
  const folder = (repository: string) => join(root, folderName(repository));
  const missing = ({ repository, commit, file }: PinnedFile) =>
    join(folder(repository), '.no_exist', commit, ...file.split('/'));
  const cache: HubCache = {
    snapshot: ({ repository, commit, file }) =>
      join(folder(repository), 'snapshots', commit, ...file.split('/')),
    blob: (repository, hash) => join(folder(repository), 'blobs', hash),
    lock: (repository, hash) => join(root, '.locks', folderName(repository), `${hash}.permafrost`),
    async readRef(repository, revision) {
      const path = join(folder(repository), 'refs', ...revision.split('/'));
      try {
        const commit = (await readFile(path, 'utf8')).trim();
        return isCommit(commit) ? commit : undefined;
      } catch (thrown) {
        if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(String(codeOf(thrown)))) return undefined;
        throw diskError('read', path, thrown);
      }
    },
    async writeRef(repository, revision, commit) {
      const path = join(folder(repository), 'refs', ...revision.split('/'));
      const next = `${path}.${process.pid}.tmp`;
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(next, commit);
        await rename(next, path);
      });
    },
    async files(repository, commit) {
      const root = join(folder(repository), 'snapshots', commit);
      const names = await readdir(root, { recursive: true }).catch(() => []);
      const found = await Promise.all(
        names.map(async (name) => ((await isThere(join(root, name))) ? [name.split(sep).join('/')] : [])),
      );
      return found.flat();
    },
    isMissing: (pinned) => isThere(missing(pinned)),
    async setMissing(pinned) {
      const path = missing(pinned);
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, '');
      });
    },
    async link(pinned, hash) {
      const path = cache.snapshot(pinned);
      const blob = cache.blob(pinned.repository, hash);
      const next = `${path}.${process.pid}.tmp`;
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await rm(next, { force: true });
        // Windows allows links to some users only; huggingface_hub copies there, too.
        const target = relative(dirname(path), blob).split(sep).join('/');
        await symlink(target, next).catch(() => copyFile(blob, next));
        await rename(next, path);
      });
    },
  };
  return cache;
}

/** Whether a file is there with content; a link whose blob was removed leads nowhere. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function folderName(repository: string): string {
  return `models--${repository.replaceAll('/', '--')}`;
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  await write().catch((thrown) => {
    throw diskError('write', path, thrown);
  });
}
