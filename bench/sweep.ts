/**
 * `npm run bench:sweep`: sweeps against peers, in one run on one machine. Fails when a claim does not hold.
 * Peers run where PERMAFROST_KERAS_PYTHON and PERMAFROST_TORCH_PYTHON (default: python3) can import them; a peer that is slow
 * trains some heads of the same list after a warm-up, and its time, which is the same for each, is scaled by the number of heads.
 * `npm run bench:sweep -- 2 5` measures the second and fifth work only, `-- cost` how the cost grows.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { featuresOf, type TrainingData } from '../src/shared/dataset/data.ts';
import { readRows } from '../src/shared/dataset/rows.ts';
import { loadEngine } from '../src/shared/engines/engine.ts';
import * as build from '../src/shared/graph/build.ts';
import type { HeadConfig } from '../src/shared/head/config.ts';
import type { HeadRequest } from '../src/shared/head/options.ts';
import { resolveConfig } from '../src/shared/head/resolve.ts';
import { headSteps, madeUpData } from './heads.ts';
import { type Measurement, report } from './report.ts';
import { printGrowth, printOutputs, printWidths } from './sweep-cost.ts';

interface Peer {
  name: string;
  script: string;
  python: string;
}

const PEERS = {
  keras: {
    name: 'Keras fit loop',
    script: 'keras_heads.py',
    python: process.env.PERMAFROST_KERAS_PYTHON ?? 'python3',
  },
  torch: {
    name: 'PyTorch loop',
    script: 'torch_heads.py',
    python: process.env.PERMAFROST_TORCH_PYTHON ?? 'python3',
  },
  sklearn: {
    name: 'scikit-learn, one by one',
    script: 'sklearn_logistic.py',
    python: process.env.PERMAFROST_TORCH_PYTHON ?? 'python3',
  },
} satisfies Record<string, Peer>;

interface Work {
  what: string;
  rows: number;
  inputs: number;
  classes: number;
  heads: Partial<HeadRequest>[];
  /** The least times faster than each peer, and how many of the heads the peer trains. */
  claims: { peer: Peer; claim: number; heads: number }[];
}

const values = (count: number, value: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, index) => value(index));
const common = { normalize: 'none', earlyStopping: 0 } as const;
const wide = { rows: 14_000, inputs: 2048, classes: 7 };
const WORK: Work[] = [
  {
    what: '64 heads 2048-64-7, Adam, batch 32, 3 epochs',
    ...wide,
    heads: values(16, (index) => 1e-2 / 1.5 ** index).flatMap((lr) =>
      [0, 0.2, 0.4, 0.5].map((dropout) => ({ ...common, lr, dropout, hidden: [64], epochs: 3 })),
    ),
    claims: [
      { peer: PEERS.keras, claim: 8, heads: 4 },
      { peer: PEERS.torch, claim: 2, heads: 8 },
    ],
  },
  {
    what: '256 linear heads 2048-7, batch 256, 5 epochs',
    ...wide,
    heads: values(32, (index) => 1e-2 / 1.2 ** index).flatMap((lr) =>
      values(8, (index) => 1e-2 / 4 ** index).map((l2) => ({ ...common, lr, l2, batchSize: 256, epochs: 5 })),
    ),
    claims: [
      { peer: PEERS.keras, claim: 40, heads: 8 },
      { peer: PEERS.torch, claim: 6, heads: 16 },
    ],
  },
  {
    what: '16 heads [64 no-bias, dropout, BN, relu] x 3, sigmoid, 3 epochs',
    ...wide,
    heads: values(16, (index) => 1e-2 / 1.4 ** index).map((lr) => ({
      ...common,
      lr,
      hidden: [64, 64, 64],
      bias: false,
      dropout: 0.25,
      batchNorm: true,
      order: ['dense', 'dropout', 'bn', 'activation'],
      output: 'sigmoid',
      epochs: 3,
    })),
    claims: [
      { peer: PEERS.keras, claim: 6, heads: 4 },
      { peer: PEERS.torch, claim: 2, heads: 8 },
    ],
  },
  {
    what: '8 heads 2048-1024-7, dropout 0.5, 2 epochs',
    ...wide,
    heads: values(8, (index) => 1e-3 / 1.5 ** index).map((lr) => ({
      ...common,
      lr,
      hidden: [1024],
      dropout: 0.5,
      epochs: 2,
    })),
    claims: [
      { peer: PEERS.keras, claim: 2, heads: 4 },
      { peer: PEERS.torch, claim: 1.5, heads: 4 },
    ],
  },
  {
    what: '45 exact logistic regressions, 3,000 x 1,280, 5 classes',
    rows: 3500,
    inputs: 1280,
    classes: 5,
    heads: values(45, (index) => 10 ** (-1 - index / 9)).map((l2) => ({ ...common, optimizer: 'lbfgs', l2 })),
    claims: [{ peer: PEERS.sklearn, claim: 15, heads: 9 }],
  },
];

/** Fused multiply-adds of a training step count as two operations, forward and backward. */
function trainingOperations(configs: readonly HeadConfig[], data: TrainingData): number {
  return configs.reduce((sum, { hidden, epochs }) => {
    const [first = data.classes] = hidden;
    return sum + 4 * data.rows.train * data.inputs * first * epochs;
  }, 0);
}

/** The best rate of a 2048-cube product, in operations per second: the machine's peak as far as the engine reaches it. */
async function matmulPeak(): Promise<number> {
  const size = 2048;
  const [a, b] = ['a', 'b'].map((name) => build.input(name, 'float32', [size, size]));
  const program = await (await loadEngine('onnxruntime')).compile(
    build.graph({ product: build.matmul(a, b) }),
  );
  const feeds = { a: new Float32Array(size * size).fill(0.5), b: new Float32Array(size * size).fill(0.25) };
  const into = { product: new Float32Array(size * size) };
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const started = performance.now();
    await program.run(feeds, into);
    best = Math.min(best, performance.now() - started);
  }
  await program.release();
  return (2 * size ** 3) / (best / 1000);
}

/** Some of a grid's heads: steps of one more than an even share meet the values of each of its options. */
function spread<T>(all: readonly T[], count: number): T[] {
  const step = Math.floor(all.length / count) + 1;
  return Array.from({ length: count }, (_, index) => all[(index * step) % all.length]);
}

async function runPeer(
  peer: Peer,
  folder: string,
  work: object,
): Promise<{ seconds: number; accuracy: number } | undefined> {
  await writeFile(join(folder, 'work.json'), JSON.stringify(work));
  const script = fileURLToPath(new URL(`./peers/${peer.script}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(peer.python, [script, folder], { encoding: 'utf8' });
  if (status === 0)
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { seconds: number; accuracy: number };
  console.log(`  ${peer.name}: not measured (${stderr.trim().split('\n').at(-1)})`);
  return undefined;
}

async function measure({ what, rows, inputs, classes, heads, claims }: Work, peak: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'permafrost-bench-'));
  try {
    const data = madeUpData(rows, inputs, classes);
    const labels = Uint8Array.from({ length: rows }, (_, row) =>
      data.targets.subarray(row * classes).indexOf(1),
    );
    await writeFile(join(folder, 'features.f32'), readRows(featuresOf(data, 'none'), inputs, 0, rows).values);
    await writeFile(join(folder, 'labels.u8'), labels);
    const configs = heads.map((head) => resolveConfig(head, 'multiclass'));
    const ours = await headSteps(data, configs);
    const isExact = configs[0].optimizer === 'lbfgs';
    const measurements: Measurement[] = [
      { what: `permafrost: ${heads.length} heads`, value: ours.seconds, unit: 's' },
      { what: 'permafrost: best validation accuracy', value: ours.accuracy, unit: '' },
      ...(isExact
        ? []
        : [
            { what: 'permafrost: head-steps', value: ours.rate, unit: '/s' },
            {
              what: "share of the machine's matmul peak",
              value: trainingOperations(configs, data) / ours.seconds / peak,
              unit: '',
            },
          ]),
    ];
    for (const { peer, claim, heads: count } of claims) {
      const chosen = spread(configs, count);
      const peers = await runPeer(peer, folder, {
        rows,
        inputs,
        classes,
        train: data.rows.train,
        heads: chosen,
      });
      if (!peers) continue;
      const scaled = (peers.seconds / chosen.length) * configs.length;
      measurements.push(
        {
          what: `${peer.name}: ${chosen.length} heads, scaled to ${configs.length}`,
          value: scaled,
          unit: 's',
        },
        { what: `${peer.name}: best validation accuracy`, value: peers.accuracy, unit: '' },
        { what: `${peer.name} / permafrost`, value: scaled / ours.seconds, unit: 'x', claim },
      );
    }
    return report(what, measurements);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const peak = await matmulPeak();
console.log(
  `${cpus().length} x ${cpus()[0].model}, Node ${process.version}, matmul peak ${(peak / 1e9).toFixed(0)} Gflop/s`,
);
const requested = process.argv.slice(2);
const holds: boolean[] = [];
for (const [index, work] of WORK.entries()) {
  if (requested.length === 0 || requested.includes(String(index + 1))) holds.push(await measure(work, peak));
}
if (requested.length === 0 || requested.includes('cost')) {
  await printWidths();
  await printOutputs();
  await printGrowth();
}
if (holds.includes(false)) process.exitCode = 1;
