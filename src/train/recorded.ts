/** Finished heads on disk while a sweep runs, so that a killed one goes on where it was. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../shared/fields.ts';
import type { MetricName } from '../shared/head/config.ts';
import { writeDurably } from '../shared/store/files.ts';
import { type PausedHeads, pausedOnDisk } from './paused.ts';
import { type HeadResult, rankResults } from './results/result.ts';
import type { TrainedHead } from './sweep/head-progress.ts';

/** The folder inside a run; it goes when the run is whole. */
const FOLDER = 'unfinished';
const SWEEP_FILE = 'sweep.json';
const RESULTS_FILE = 'results.jsonl';
const FORMAT_VERSION = 1;

/** Finished heads of a sweep. Only the leader's parameters are kept: thousands of heads must fit on the disk. */
export interface Recorder {
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

/** A name for everything that decides a sweep's numbers: the same fingerprint, the same heads. */
export function sweepFingerprint(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
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
 */
export async function openRecorder(dir: string, fingerprint: string, metric: MetricName): Promise<Recorder> {
  const folder = join(dir, FOLDER);
  if (!holdsUnfinished(dir, fingerprint)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await writeDurably(join(folder, SWEEP_FILE), JSON.stringify(header(fingerprint)));
  }
  const results = await readResults(join(folder, RESULTS_FILE));
  let leader = recordedLeader(folder, results, metric);
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
    writeFloats(parametersFile(folder, trained.result.id), trained.parameters);
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
      writeFully(file, Buffer.from(`${JSON.stringify(trained.result)}\n`));
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
    .map((line) => withNaN(parseJson(line, path) as HeadResult));
}

/** JSON writes NaN, the loss of a diverged head, as null. */
function withNaN(result: HeadResult): HeadResult {
  const history = result.history.map((record) => ({ ...record, trainLoss: record.trainLoss ?? Number.NaN }));
  return { ...result, history };
}

/** The best recorded head. Were its parameters gone, heads ranked behind it could not be told from it, so it is an error. */
function recordedLeader(
  folder: string,
  results: readonly HeadResult[],
  metric: MetricName,
): TrainedHead | undefined {
  const [result] = rankResults(
    results.filter(({ bestEpoch, status }) => bestEpoch > 0 && status !== 'diverged'),
    metric,
  );
  if (!result) return undefined;
  const bytes = readFileSync(parametersFile(folder, result.id));
  return { result, parameters: new Float32Array(Uint8Array.from(bytes).buffer) };
}

function parametersFile(folder: string, id: string): string {
  return join(folder, `leader-${id.replace(/[^\w-]/g, '_')}.f32`);
}

function writeFloats(path: string, values: Float32Array): void {
  const file = openSync(path, 'w');
  writeFully(file, Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  fsyncSync(file);
  closeSync(file);
}

function writeFully(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function removeOtherParameters(folder: string, leaderId: string | undefined): void {
  const kept = leaderId === undefined ? '' : parametersFile(folder, leaderId);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith('leader-') && path !== kept) rmSync(path, { force: true });
  }
}
