/**
 * `npm run bench [-- DATA [BACKBONE ...]]`: the figures of the README. Fails when a claim does not hold.
 * DATA is a folder of class folders or a manifest; without it, leaves are drawn. With backbones, only their extraction is
 * measured; without, that of each family's base member. Keras: PERMAFROST_KERAS_PYTHON (default: python3).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawLeaves } from '../scripts/leaves.ts';
import { benchEngines } from './engines.ts';
import { benchExtraction, FAMILIES } from './extract.ts';
import { benchHeads } from './heads.ts';
import { benchPrediction } from './predict.ts';
import { report } from './report.ts';

const LEAVES = { count: 500, seed: 1 };

const scratch = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
try {
  const [given, ...backbones] = process.argv.slice(2);
  const data = given ?? (await drawLeaves(scratch, LEAVES));
  console.log(
    `${cpus().length} x ${cpus()[0].model}, Node ${process.version}, data: ${given ?? `${LEAVES.count} drawn leaves`}`,
  );
  const holds: boolean[] = [];
  for (const name of backbones.length > 0 ? backbones : FAMILIES.keys())
    holds.push(report(`Extraction: ${name}`, await benchExtraction(data, name)));
  if (backbones.length === 0) {
    holds.push(report('Prediction', await benchPrediction(data)));
    holds.push(report('Training', await benchHeads()));
    holds.push(report('Engines', await benchEngines()));
  }
  if (holds.includes(false)) process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true });
}
