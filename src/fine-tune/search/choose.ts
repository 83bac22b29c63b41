/** Fifth step: the best fine-tuning, or the head that it began with where validation cannot tell them apart. */
import { type LabelledRows, splitRange, validationOf } from '../../shared/dataset/data.ts';
import { splitEvaluation } from '../../shared/dataset/prepare.ts';
import type { Contender } from '../../shared/evaluation/diagnose-run.ts';
import { headInputs } from '../../shared/head/head-tensors.ts';
import { headLayers, headParameters } from '../../shared/head/layers.ts';
import type { Evaluation } from '../../shared/metrics/counts.ts';
import { evaluate } from '../../shared/metrics/evaluate.ts';
import { winningLine } from '../../shared/search/competition.ts';
import { type HeadJob, jobsOf } from '../../shared/search/configurations.ts';
import type { TrainedHead } from '../../shared/training/head-progress.ts';
import { type HeadResult, rankResults } from '../../shared/training/result.ts';
import type { TuningPlan } from '../plan.ts';
import type { TrainedTail } from '../tail/train-tail.ts';
import { predictTail, trainTails } from '../tail/train-tails.ts';
import { isClearlyBetter } from './clearly-better.ts';
import { dividedNumbers } from './numbers.ts';
import { type TuningOutcome, tailJob } from './train.ts';

/** The id of the head that fine-tuning began with. */
const START_ID = 'start';

/** What a run comes to. */
export interface Chosen {
  /** Its id is its line's. */
  trained: TrainedHead;
  /** Its tail; undefined where the start was kept. */
  tail: TrainedTail['tail'] | undefined;
  /** Probabilities [rows, classes] for all images, before calibration. */
  probabilities: Float32Array;
  /** The chosen one first. */
  contenders: Contender[];
  /** The start's line of the leaderboard. */
  start: HeadResult;
}

/** Lines that are compared with the chosen one, itself included. */
const MAX_CONTENDERS = 8;

export async function choose(plan: TuningPlan, outcome: TuningOutcome): Promise<Chosen> {
  const start = startLine(plan);
  const beginning: Contender = {
    id: START_ID,
    run: start,
    validation: splitOf(plan, plan.startProbabilities, 'val'),
  };
  const best = await bestTuning(plan, outcome);
  const others = contendersOf(plan, outcome);
  if (!best || !isClearlyBetter(best.contender.validation, beginning.validation, plan.monitor)) {
    const trained = { result: start, parameters: startParameters(plan) };
    const contenders = [
      beginning,
      ...(best ? [best.contender] : []),
      ...others.filter(({ id }) => id !== best?.contender.id),
    ];
    return {
      trained,
      tail: undefined,
      probabilities: plan.startProbabilities,
      contenders: contenders.slice(0, MAX_CONTENDERS),
      start,
    };
  }
  const { contender, tail, network } = best;
  const probabilities = await predictTail(tail, plan.imageRows[network], plan.requests[network]);
  const contenders = [contender, beginning, ...others.filter(({ id }) => id !== contender.id)];
  return {
    trained: { result: { ...tail.result, id: contender.id }, parameters: tail.head },
    tail: tail.tail,
    probabilities,
    contenders: contenders.slice(0, MAX_CONTENDERS),
    start,
  };
}

function startLine(plan: TuningPlan): HeadResult {
  const { start, startProbabilities, monitor } = plan;
  const { rows } = start.dataset.division;
  const test = rows.test > 0 ? evaluate(splitOf(plan, startProbabilities, 'test')) : null;
  return {
    id: START_ID,
    config: { ...start.head.record.config, monitor },
    status: 'done',
    epochs: 0,
    bestEpoch: 0,
    seconds: 0,
    val: evaluate(splitOf(plan, startProbabilities, 'val')),
    test,
    history: [],
  };
}

/** The rows of a split with their predictions. @param probabilities of all images */
export function splitOf(plan: TuningPlan, probabilities: Float32Array, split: 'val' | 'test'): Evaluation {
  return splitEvaluation(labelledImages(plan), probabilities, split);
}

function labelledImages({ start: { dataset } }: TuningPlan): LabelledRows {
  return { ...dataset.raw, rows: dataset.division.rows };
}

interface BestTuning {
  contender: Contender;
  tail: TrainedTail;
  /** The place of its network. */
  network: number;
}

/** The best run of the line that wins; undefined where none could be trained. */
async function bestTuning(plan: TuningPlan, outcome: TuningOutcome): Promise<BestTuning | undefined> {
  const { leaderboard, signal } = outcome.competition;
  const { leader } = leaderboard;
  if (!leader) return undefined;
  const line = signal.aborted ? leaderboard.lineOf(leader) : winningLine({ leaderboard });
  const [run] = signal.aborted ? [leader.result] : leaderboard.runsOf(line.id);
  const configuration = plan.configurations.find(({ id }) => id === line.id)!;
  const network = configuration.source;
  const kept = run.id === leader.result.id ? leader : leaderboard.kept.get(run.id);
  const job = jobsOf(configuration).find(({ id }) => id === run.id)!;
  const tail = kept ? withNumbers(kept, plan, network) : await trainedAgain(job, plan, network, signal);
  const images = labelledImages(plan);
  const { first, end } = splitRange(images, 'val');
  const probabilities =
    outcome.validations.get(run.id) ??
    (await predictTail(tail, plan.imageRows[network].subarray(first, end), plan.requests[network]));
  return { contender: { id: line.id, run, validation: validationOf(images, probabilities) }, tail, network };
}

function withNumbers(kept: TrainedHead, plan: TuningPlan, network: number): TrainedTail {
  const numbers = dividedNumbers(kept, plan.requests[network].network);
  return { result: kept.result, ...numbers, validation: new Float32Array(0) };
}

/** The numbers of large tails are not all kept: the same job gives the same numbers. */
async function trainedAgain(
  job: HeadJob,
  plan: TuningPlan,
  network: number,
  signal: AbortSignal,
): Promise<TrainedTail> {
  let found: TrainedTail | undefined;
  await trainTails([tailJob(job)], {
    ...plan.requests[network],
    signal,
    onEpoch: () => {},
    onFinished: (trained) => {
      found = trained;
    },
  });
  signal.throwIfAborted();
  if (!found) throw new Error(`Training ${job.id} gave nothing`);
  return found;
}

/** The best lines with the predictions that this run has of them. */
function contendersOf(plan: TuningPlan, { competition, validations }: TuningOutcome): Contender[] {
  const { leaderboard } = competition;
  const images = labelledImages(plan);
  return rankResults(leaderboard.lines(), plan.monitor).flatMap(({ id, status }) => {
    const [run] = leaderboard.runsOf(id);
    const probabilities = validations.get(run.id);
    if (status === 'diverged' || !probabilities || probabilities.length === 0) return [];
    return [{ id, run, validation: validationOf(images, probabilities) }];
  });
}

/** The start's parameters in the order of headParameters. */
function startParameters({ start: { head } }: TuningPlan): Float32Array {
  const { record, tensors } = head;
  const layers = headLayers(record.config, headInputs(record), record.classes.length);
  return Float32Array.from(headParameters(layers).flatMap(({ name }) => [...tensors.get(name)!.data]));
}
