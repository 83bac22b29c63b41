/** How a model of a hub is named: `hf:ORG/NAME`, with a revision, and pinned to one file of one commit. */
import { UsageError, usage } from '../../errors.ts';

const PREFIX = 'hf:';
const FORM = /^hf:([\w.-]{1,96}\/[\w.-]{1,96})(?:@([^\s]{1,200}))?$/;
const PINNED = /^hf:([\w.-]{1,96}\/[\w.-]{1,96})@([0-9a-f]{40})\/([^\s]{1,400})$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** A repository of models at a branch, a tag or a commit. */
export interface HubReference {
  /** `ORG/NAME`. */
  readonly repository: string;
  readonly revision: string;
}

/** One file of a commit. */
export interface PinnedFile {
  readonly repository: string;
  readonly commit: string;
  readonly file: string;
}

export function isHubReference(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** @throws UsageError for anything but `hf:ORG/NAME[@REVISION]` */
export function parseReference(name: string, where = '--backbone'): HubReference {
  const [, repository, revision = 'main'] = FORM.exec(name) ?? [];
  if (repository === undefined || !isSafe(repository) || !isSafe(revision))
    throw usage('hf:ORG/NAME or hf:ORG/NAME@REVISION', where, name);
  return { repository, revision };
}

/** Without revision: what a store calls the backbone. */
export function referenceName({ repository }: Pick<HubReference, 'repository'>): string {
  return `${PREFIX}${repository}`;
}

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** As records have it: `hf:ORG/NAME@COMMIT/onnx/model.onnx`. */
export function formatPinned({ repository, commit, file }: PinnedFile): string {
  return `${PREFIX}${repository}@${commit}/${file}`;
}

/** Reads what {@link formatPinned} wrote. @throws UsageError for anything else */
export function parsePinned(text: string): PinnedFile {
  const [, repository, commit, file] = PINNED.exec(text) ?? [];
  if (repository === undefined || !isSafe(repository) || !isSafe(file))
    throw new UsageError(`Expected hf:ORG/NAME@COMMIT/FILE for the weights of a hub but received ${text}`);
  return { repository, commit, file };
}

/** Whether a name leads nowhere but into the folder that it is joined to. */
export function isSafe(path: string): boolean {
  return (
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !/[\\:\0]/.test(path)
  );
}
