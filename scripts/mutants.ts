/**
 * `npm run test:mutants`: makes deliberate bugs, one at a time, and runs the tests that should notice. What survives is
 * printed with its change; each wants a test, or a reason why no test could tell it from what was there.
 *
 *     npm run test:mutants -- --sample 300 --seed 0 --only src/shared/metrics --jobs 1 --out mutants
 *
 * It works on copies of the tree and goes on where it was interrupted; survivors are tried again when a test changed.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../src/shared/values.ts';
import { applyChange } from './mutants/operators.ts';
import { type Mutant, sampleMutants } from './mutants/plan.ts';
import { createSandbox, type Outcome, type Sandbox } from './mutants/sandbox.ts';
import { createTestFinder } from './mutants/tests.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** A run may take so many times as long as without the change, and so much more. */
const PATIENCE = { times: 5, ms: 15_000 };
/** A test file that takes longer comes after the others. */
const SLOW_MS = 5000;
/** Tests that take longer without any change. */
const MAX_BASELINE_MS = 600_000;

interface Verdict {
  id: string;
  status: 'killed' | 'survived' | 'timeout';
  /** The test file that failed. */
  by?: string;
  /** What its tests were, for a survivor. */
  tests: string;
}

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '300' },
    seed: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'mutants' },
  },
});
const count = wholeNumber(1).parse(values.sample, '--sample');
const seed = wholeNumber(0).parse(values.seed, '--seed');
const jobs = wholeNumber(1).parse(values.jobs, '--jobs');

const testsOf = createTestFinder(ROOT);
const sample = sampleMutants(ROOT, { seed, count, only: values.only });
mkdirSync(values.out, { recursive: true });
/** As the files are now: the tree may be worked on while this runs. */
const targets = new Map([...new Set(sample.map(({ file }) => file))].map((file) => [file, targetOf(file)]));
const record = join(values.out, 'verdicts.jsonl');
const times = join(values.out, 'times.json');
const verdicts = readVerdicts(record);
/** How long each test file takes without any change. */
const baselines = new Map<string, number>(existsSync(times) ? JSON.parse(readFileSync(times, 'utf8')) : []);
/** The test file that noticed the last change of a source. */
const lastKiller = new Map<string, string>();

const waiting = sample.filter(({ id, file }) => {
  const known = verdicts.get(id);
  return !known || (known.status === 'survived' && known.tests !== targets.get(file)?.hash);
});
console.log(`${sample.length} mutants, ${sample.length - waiting.length} of them tried before`);
await Promise.all(Array.from({ length: jobs }, work));
report();

async function work(): Promise<void> {
  const sandbox = await createSandbox(ROOT);
  try {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const verdict = await tried(sandbox, mutant);
      verdicts.set(verdict.id, verdict);
      appendFileSync(record, `${JSON.stringify(verdict)}\n`);
      const by = verdict.by ? ` by ${verdict.by}` : '';
      console.log(
        `${verdict.status}${by}: ${mutant.file}:${mutant.line} ${mutant.operator}; ${waiting.length} left`,
      );
    }
  } finally {
    sandbox.close();
  }
}

async function tried(sandbox: Sandbox, mutant: Mutant): Promise<Verdict> {
  const { id, file } = mutant;
  const { source, tests, hash } = targets.get(file)!;
  const killer = lastKiller.get(file);
  // What runs commands may take a hundred times as long as what imports the source.
  const quickFirst = tests.toSorted((a, b) => Number(isSlow(a)) - Number(isSlow(b)));
  const order = killer ? [killer, ...quickFirst.filter((test) => test !== killer)] : quickFirst;
  const text = applyChange(source, mutant);
  // File by file, so that a file is only measured where it is needed.
  for (const test of order) {
    const outcome = await outcomeOf(sandbox, test, { file, text });
    if (outcome === 'passed') continue;
    lastKiller.set(file, test);
    return { id, status: outcome === 'timeout' ? 'timeout' : 'killed', by: test, tests: hash };
  }
  return { id, status: 'survived', tests: hash };
}

/**
 * What a test says of a mutant. A run that takes too long counts only where the test, right after it and without the
 * change, would have had the time: the machine may have become busy.
 */
async function outcomeOf(
  sandbox: Sandbox,
  test: string,
  mutant: { file: string; text: string },
): Promise<Outcome> {
  for (;;) {
    const limit = limitOf(await baselineOf(sandbox, test));
    const outcome = await sandbox.run(test, limit, mutant);
    if (outcome !== 'timeout') return outcome;
    baselines.delete(test);
    if (PATIENCE.times * (await baselineOf(sandbox, test)) <= limit) return outcome;
  }
}

function isSlow(test: string): boolean {
  return (baselines.get(test) ?? 0) > SLOW_MS;
}

function limitOf(baselineMs: number): number {
  return PATIENCE.times * baselineMs + PATIENCE.ms;
}

async function baselineOf(sandbox: Sandbox, test: string): Promise<number> {
  const known = baselines.get(test);
  if (known !== undefined) return known;
  await sandbox.start();
  const started = performance.now();
  const outcome = await sandbox.run(test, MAX_BASELINE_MS);
  if (outcome !== 'passed') throw new Error(`${test} does not pass as it is: ${outcome}`);
  const measured = performance.now() - started;
  baselines.set(test, measured);
  writeFileSync(times, JSON.stringify([...baselines]));
  return measured;
}

function targetOf(file: string): { source: string; tests: string[]; hash: string } {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const tests = testsOf(file);
  const hash = createHash('sha256');
  for (const test of tests) hash.update(test).update(readFileSync(join(ROOT, test)));
  return { source, tests, hash: hash.digest('hex').slice(0, 16) };
}

function readVerdicts(path: string): Map<string, Verdict> {
  if (!existsSync(path)) return new Map();
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line) as Verdict).map((verdict) => [verdict.id, verdict]));
}

function report(): void {
  const statusOf = ({ id }: Mutant) => verdicts.get(id)?.status;
  for (const mutant of sample.filter((one) => statusOf(one) === 'survived'))
    console.log(`\n${diffOf(mutant)}`);
  console.log('\nfolder                   made  killed  timeout  survived');
  for (const folder of [...new Set(sample.map((one) => one.folder)), 'all']) {
    const own = sample.filter((one) => folder === 'all' || one.folder === folder);
    const counts = (['killed', 'timeout', 'survived'] as const).map(
      (status) => own.filter((one) => statusOf(one) === status).length,
    );
    const share = (100 * (counts[0] + counts[1])) / own.length;
    const numbers = [own.length, ...counts].map((number, index) =>
      String(number).padStart([4, 6, 7, 8][index]),
    );
    console.log(`${folder.padEnd(24)} ${numbers.join('  ')}  ${share.toFixed(1)} % noticed`);
  }
}

/** A mutant as the lines it changes. */
function diffOf(mutant: Mutant): string {
  const { file, line, operator, start, end } = mutant;
  const { source } = targets.get(file)!;
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const to = (source.indexOf('\n', end) + 1 || source.length + 1) - 1;
  const changed = applyChange(source, mutant).slice(from, to + mutant.replacement.length - (end - start));
  const marked = (sign: string, text: string) =>
    text
      .split('\n')
      .map((one) => `${sign}${one}`)
      .join('\n');
  return `survived: ${file}:${line} ${operator} (${mutant.id})\n${marked('-', source.slice(from, to))}\n${marked('+', changed)}`;
}
