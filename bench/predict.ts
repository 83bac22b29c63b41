/** predict against extract with the same backbone on the same photos: answers at the speed of features. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measurement, median } from './report.ts';

const PROGRAM = new URL('../dist/permafrost.js', import.meta.url).pathname;
const ROUNDS = 3;

/** @param data a folder of class folders */
export async function benchPrediction(data: string, backbone = 'resnet50'): Promise<Measurement[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  try {
    const network = ['--backbone', backbone, '--weights', 'none'];
    const extract = (store: string) => seconds(['extract', '--data', data, ...network, '--out', store]);
    const store = (round: number) => join(scratch, `store-${round}`);
    const run = join(scratch, 'run');
    const predict = () =>
      seconds(['predict', '--head', join(run, 'best'), data, '--out', join(scratch, 'answers.json')]);
    const rounds: { extracting: number; predicting: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // Whichever is second finds the machine warmer.
      const predictsFirst = round % 2 === 1;
      const early = predictsFirst ? predict() : undefined;
      const extracting = extract(store(round));
      if (round === 0)
        seconds(['train-head', '--features', store(0), '--epochs', '3', '--out', run, '--no-report']);
      rounds.push({ extracting, predicting: early ?? predict() });
    }
    return [
      {
        what: `${backbone}: extract, whole command (median of ${ROUNDS})`,
        value: median(rounds.map(({ extracting }) => extracting)),
        unit: 's',
      },
      {
        what: `${backbone}: predict, whole command (median of ${ROUNDS})`,
        value: median(rounds.map(({ predicting }) => predicting)),
        unit: 's',
      },
      {
        what: `${backbone}: speed of predict / speed of extract (median of ${ROUNDS} pairs)`,
        value: median(rounds.map(({ extracting, predicting }) => extracting / predicting)),
        unit: 'x',
        claim: 0.95,
      },
    ];
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Seconds that the built command takes, its start included. */
function seconds(args: string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - started) / 1000;
}
