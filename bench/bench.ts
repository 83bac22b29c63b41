/**
 * `npm run bench [-- DATA]`: the figures of the README. Fails when a claim does not hold.
 * DATA is a folder of class folders or a manifest; without it, leaves are drawn.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawLeaves } from '../scripts/leaves.ts';
import { benchEngines } from './engines.ts';
import { benchExtraction } from './extract.ts';
import { benchHeads } from './heads.ts';
import { report } from './report.ts';

const LEAVES = { count: 500, seed: 1 };

const scratch = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
try {
  const [given] = process.argv.slice(2);
  const data = given ?? (await drawLeaves(scratch, LEAVES));
  console.log(
    `${cpus().length} x ${cpus()[0].model}, Node ${process.version}, data: ${given ?? `${LEAVES.count} drawn leaves`}`,
  );
  const holds = [
    report('Extraction', [
      ...(await benchExtraction(data, 'resnet50')),
      ...(await benchExtraction(data, 'efficientnet_lite0')),
    ]),
    report('Training', await benchHeads()),
    report('Engines', await benchEngines()),
  ];
  if (holds.includes(false)) process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true });
}
