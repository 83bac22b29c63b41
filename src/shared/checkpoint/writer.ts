/** Finished heads on disk while a sweep runs, so that a killed one resumes. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { unexpected } from '../errors.ts';
import { parseJson } from '../fields.ts';
import type { MetricName } from '../head/config.ts';
import { makeFolder, writeDurably, writeFully } from '../store/files.ts';
import type { TrainedHead } from '../training/head-progress.ts';
import { type HeadResult, rankResults } from '../training/result.ts';
import { type PausedHeads, pausedOnDisk } from './paused-heads.ts';
import {
  checksummedLine,
  FOLDER,
  parseChecksummedLine,
  readChecksummed,
  writeChecksummed,
} from './records.ts';

const SWEEP_FILE = 'sweep.json';
const RESULTS_FILE = 'results.jsonl';
const FORMAT_VERSION = 2;

/** One of them is in every folder that a run has written into. */
const SIGNS_OF_A_RUN = [FOLDER, 'leaderboard.csv', 'metrics.json'];

/** Finished heads of a sweep. Only the leader's parameters are kept: thousands of heads must fit on the disk. */
export interface Checkpoint {
  /** Heads recorded by an earlier run of the same sweep, and since. */
  readonly results: readonly HeadResult[];
  /** The best of them, with its parameters. */
  readonly leader: TrainedHead | undefined;
  /** Where it is kept; files beside it go with it. */
  readonly folder: string;
  /** Heads that wait to go on. */
  readonly paused: PausedHeads;
  /** Makes a finished head last: after this returns, no crash loses it. */
  record(trained: TrainedHead): void;
  /** Removes the record; call it when the run's files are written. */
  finish(): void;
  /** Lets go of the record, which stays for the next run unless it is finished. */
  close(): void;
}

/** Whether a run's folder holds an unfinished sweep with this fingerprint. */
export function holdsUnfinished(dir: string, fingerprint: string): boolean {
  const path = join(dir, FOLDER, SWEEP_FILE);
  if (!existsSync(path)) return false;
  const found = parseJson(readFileSync(path, 'utf8'), path);
  return JSON.stringify(found) === JSON.stringify(header(fingerprint));
}

function header(fingerprint: string): { formatVersion: number; fingerprint: string } {
  return { formatVersion: FORMAT_VERSION, fingerprint };
}

/**
 * Opens the record of a sweep in a run's folder, continuing an unfinished one with the same fingerprint and
 * discarding any other.
 * @param metric the validation metric that ranks the heads
 * @throws InputError for a folder of other things, one that cannot be made, or a record that is damaged
 */
export async function openCheckpoint(
  dir: string,
  fingerprint: string,
  metric: MetricName,
): Promise<Checkpoint> {
  const folder = join(dir, FOLDER);
  await makeFolder(dir);
  const there = readdirSync(dir);
  if (there.length > 0 && !SIGNS_OF_A_RUN.some((name) => there.includes(name)))
    throw unexpected('a new or empty folder, or an earlier run,', '--out', `${dir} with ${there[0]} in it`);
  if (!holdsUnfinished(dir, fingerprint)) {
    rmSync(folder, { recursive: true, force: true });
    await makeFolder(folder);
    await writeDurably(join(folder, SWEEP_FILE), JSON.stringify(header(fingerprint)));
  }
  const results = await readResults(join(folder, RESULTS_FILE));
  let leader = savedLeader(folder, results, metric);
  const file = openSync(join(folder, RESULTS_FILE), 'a');
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  const keepLeader = (trained: TrainedHead) => {
    const [first] = rankResults(leader ? [leader.result, trained.result] : [trained.result], metric);
    if (first !== trained.result || trained.parameters.length === 0) return;
    // The parameters are there before the line that makes them the leader's.
    const { buffer, byteOffset, byteLength } = trained.parameters;
    writeChecksummed(
      parametersFile(folder, trained.result.id),
      new Uint8Array(buffer, byteOffset, byteLength),
    );
    leader = trained;
  };
  return {
    results,
    folder,
    paused: pausedOnDisk(folder),
    get leader() {
      return leader;
    },
    record(trained) {
      keepLeader(trained);
      writeFully(file, Buffer.from(checksummedLine(trained.result)));
      fsyncSync(file);
      results.push(trained.result);
      removeOtherParameters(folder, leader?.result.id);
    },
    close,
    finish() {
      close();
      rmSync(folder, { recursive: true, force: true });
      // A sweep that gave nothing leaves nothing.
      if (readdirSync(dir).length === 0) rmdirSync(dir);
    },
  };
}

/** A line that was cut off by a crash is dropped, from the file too, so that the next line starts on its own. */
async function readResults(path: string): Promise<HeadResult[]> {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await writeDurably(path, whole);
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => withNaN(parseChecksummedLine(line, `line ${index + 1} of ${path}`) as HeadResult));
}

/** JSON writes NaN, the loss of a diverged head, as null. */
function withNaN(result: HeadResult): HeadResult {
  const history = result.history.map((record) => ({ ...record, trainLoss: record.trainLoss ?? Number.NaN }));
  return { ...result, history };
}

/** The best recorded head. Were its parameters gone, heads ranked behind it could not be told from it, so it is an error. */
function savedLeader(
  folder: string,
  results: readonly HeadResult[],
  metric: MetricName,
): TrainedHead | undefined {
  const [result] = rankResults(
    results.filter(({ bestEpoch, status }) => bestEpoch > 0 && status !== 'diverged'),
    metric,
  );
  if (!result) return undefined;
  const { buffer } = readChecksummed(parametersFile(folder, result.id));
  return { result, parameters: new Float32Array(buffer) };
}

function parametersFile(folder: string, id: string): string {
  return join(folder, `leader-${id.replace(/[^\w-]/g, '_')}.f32`);
}

function removeOtherParameters(folder: string, leaderId: string | undefined): void {
  const kept = leaderId === undefined ? '' : parametersFile(folder, leaderId);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith('leader-') && path !== kept) rmSync(path, { force: true });
  }
}
