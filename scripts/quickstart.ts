/** `npm run quickstart`: draws a small data set and takes it through all three commands. */
import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '../src/shared/random.ts';
import { drawLeaf, drawLeaves } from './leaves.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PROGRAM = 'dist/permafrost.js';
/** Enough for a validation and a test part that say something, few enough for seconds. */
const LEAVES = { count: 400, seed: 1 };

process.chdir(ROOT);
console.log(`Drawing ${LEAVES.count} leaves with rust spots, mildew patches, both or neither ...`);
const labels = relative(ROOT, await drawLeaves('quickstart/leaves', LEAVES));
await drawLeaf('quickstart/new-leaf.jpg', { rust: true, mildew: true }, random(LEAVES.seed, 'new leaf'));

run('extract', '--data', labels, '--out', 'quickstart/features');
run('train-head', '--features', 'quickstart/features', '--grid', '--out', 'quickstart/run');
run('predict', '--head', 'quickstart/run/best', 'quickstart/new-leaf.jpg');

console.log(`
Images and labels   quickstart/leaves/               the new leaf, with both diseases: quickstart/new-leaf.jpg
Features            quickstart/features/             computed once; run this again and they are reused
All heads           quickstart/run/leaderboard.csv
Every epoch         quickstart/run/history.arrow
Every image         quickstart/run/predictions.csv
The best head       quickstart/run/best/             for permafrost predict

Here permafrost is \`node ${PROGRAM}\`; \`npm link\` puts it on your path. Next: permafrost extract --data YOUR-PHOTOS`);

/** Shows a command as it would be typed, runs it, and ends the quickstart where it fails. */
function run(...args: string[]): void {
  console.log(`\n$ permafrost ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [PROGRAM, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
