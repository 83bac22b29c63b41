/**
 * How fast cached activations are read in shuffled batches, in memory and from disk, and what CPU time and memory that takes. Reading from disk
 * is told what comes next, while 1 ms a row goes by as in training. `npx tsx bench/activations.ts [ROWS [DTYPE ...]]` (default:
 * 20000 rows of 14x14x512 in every dtype: 200 kB each in float16). Linux only: the peak is read from /proc, and dd empties the
 * system's cache of the files.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { random, shuffle } from '../src/shared/random.ts';
import { openActivationFolder } from '../src/shared/store/activations/folder.ts';
import { inMemory } from '../src/shared/store/activations/memory.ts';
import { openActivations } from '../src/shared/store/activations/reader.ts';
import {
  ACTIVATION_DTYPES,
  type ActivationDtype,
  activationLength,
} from '../src/shared/store/activations/request.ts';
import { type ActivationOrigin, expectedBytes, layoutOf } from '../src/shared/store/activations/schema.ts';
import { requestOf } from '../src/shared/store/activations/stored.ts';
import { partRows } from '../src/shared/store/activations/writer.ts';
import { MATHS_VERSION } from '../src/shared/store/pipeline.ts';

const SHAPE = [14, 14, 512];
const BATCH = 32;
const ENGINE = { name: 'none', version: '0' };

function originOf(dtype: ActivationDtype): ActivationOrigin {
  const pipeline = {
    backbone: 'synthetic',
    weights: 'none',
    weightsHash: '0'.repeat(64),
    size: { width: 224, height: 224 },
    preprocessing: 'none',
    resize: 'none',
    precision: 'fp32',
    maths: MATHS_VERSION,
    version: '0',
    cut: { layer: 'cut', shape: SHAPE, isHalved: false },
    dtype,
    augment: null,
  };
  return { pipeline, columns: [] };
}

const [first, ...rest] = process.argv.slice(2);
if (first === 'read') await read(rest[0], rest[1] as ActivationDtype, rest[2]);
else await main(Number(first ?? 20_000), (rest.length > 0 ? rest : ACTIVATION_DTYPES) as ActivationDtype[]);

async function main(rows: number, dtypes: readonly ActivationDtype[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'permafrost-activations-'));
  try {
    for (const dtype of dtypes) {
      const dir = join(work, dtype);
      await write(dir, dtype, rows);
      for (const place of ['memory', 'disk', 'cold disk']) {
        if (place === 'cold disk') forget(dir);
        execFileSync(process.execPath, [...process.execArgv, process.argv[1], 'read', dir, dtype, place], {
          stdio: 'inherit',
        });
      }
      rmSync(dir, { recursive: true });
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Rows like a ReLU's output, of which half is 0. */
async function write(dir: string, dtype: ActivationDtype, rows: number): Promise<void> {
  const origin = originOf(dtype);
  const layout = layoutOf(origin);
  const started = performance.now();
  const folder = await openActivationFolder(dir, origin);
  const writer = await folder.startWriting(ENGINE);
  const stream = random(0, 'activations');
  const length = activationLength(layout);
  const numbers = Float32Array.from({ length: length + 1000 }, () => Math.max(0, stream.normal()));
  for (let row = 0; row < rows; row++) {
    const sha256 = createHash('sha256').update(String(row)).digest('hex');
    const start = row % 1000;
    await writer.append({ path: `${row}.jpg`, sha256, view: 0 }, numbers.subarray(start, start + length), []);
  }
  await writer.finish();
  const seconds = (performance.now() - started) / 1000;
  const bytes = folder.parts.reduce((sum, { entry }) => sum + entry.bytes, 0);
  await folder.close();
  const paths = Array.from({ length: rows }, (_, row) => `${row}.jpg`.length).reduce(
    (sum, own) => sum + own,
    0,
  );
  const expected = expectedBytes(layout, { rows, parts: Math.ceil(rows / partRows(layout)), paths });
  const off = ((100 * (expected - bytes)) / bytes).toFixed(3);
  console.log(
    `${dtype}: ${rows} rows of ${SHAPE.join('x')}, ${(bytes / 1e6).toFixed(1)} MB (predicted ${off} % off), written at ${(rows / seconds).toFixed(0)} rows/s`,
  );
}

function forget(dir: string): void {
  for (const name of readdirSync(dir))
    execFileSync('dd', [`if=${join(dir, name)}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
}

async function read(dir: string, dtype: ActivationDtype, place: string): Promise<void> {
  const origin = originOf(dtype);
  const layout = layoutOf(origin);
  const started = performance.now();
  const folder = await openActivationFolder(dir, origin);
  await folder.close();
  const opened = (performance.now() - started) / 1000;
  const onDisk = requestOf(layout, folder.parts);
  const reader = openActivations(place === 'memory' ? await inMemory(onDisk) : onDisk);
  if (place === 'cold disk') forget(dir);
  const order = shuffle(
    Int32Array.from({ length: reader.rows }, (_, row) => row),
    random(0, 'order'),
  );
  const batches: Int32Array[] = [];
  for (let start = 0; start + BATCH <= order.length; start += BATCH)
    batches.push(order.subarray(start, start + BATCH));
  const into = new Float32Array(BATCH * activationLength(layout));
  const rate = async (pause: number): Promise<string> => {
    const begun = performance.now();
    const before = process.cpuUsage();
    for (const [index, batch] of batches.entries()) {
      await reader.read(batch, into, batches[index + 1]);
      if (pause > 0) await sleep(pause);
    }
    const { user, system } = process.cpuUsage(before);
    const rows = batches.length * BATCH;
    const perSecond = rows / ((performance.now() - begun) / 1000);
    return `${perSecond.toFixed(0)} rows/s (${((user + system) / 1000 / rows).toFixed(2)} ms of CPU each)`;
  };
  const alone = await rate(0);
  if (place === 'cold disk') forget(dir);
  const beside = await rate(BATCH);
  await reader.close();
  const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
  console.log(
    `  ${place}: opened in ${opened.toFixed(1)} s, ${alone}, ${beside} beside 1 ms of work a row, ${(peak / 1e6).toFixed(0)} MB at most`,
  );
}
