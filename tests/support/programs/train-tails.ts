/** A program that trains two small tails, saves at every step, and leaves a hash of each outcome: `train-tails.ts FOLDER`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trainTails } from '../../../src/fine-tune/tail/train-tails.ts';
import { tinyData, tinyHead, tinyJob, tinyNetwork } from '../tiny-tail.ts';

const folder = process.argv[2];
const states = join(folder, 'states');
mkdirSync(states, { recursive: true });

const request = { hidden: [4], dropout: 0.3, batchNorm: true, epochs: 30 };
const jobs = ['adam', 'sgd'].map((optimizer) =>
  tinyJob({ ...request, optimizer: optimizer as 'adam' | 'sgd' }, {}, optimizer),
);
const outcome = (id: string) => join(folder, `${id}.json`);

await trainTails(
  jobs.filter(({ id }) => !existsSync(outcome(id))),
  {
    network: tinyNetwork('trainable'),
    data: tinyData(),
    start: tinyHead(request),
    engine: 'onnxruntime',
    workers: 2,
    threads: 1,
    signal: new AbortController().signal,
    checkpoint: { folder: states, seconds: 0 },
    onEpoch: (id, { epoch }) => console.error(`${id} ${epoch}`),
    onFinished({ result, head, tail, validation }) {
      const hash = createHash('sha256');
      for (const numbers of [head, validation, ...[...tail.values()].map(({ data }) => data)])
        hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      writeFileSync(
        outcome(result.id),
        JSON.stringify({ ...result, seconds: 0, numbers: hash.digest('hex') }),
      );
    },
  },
);
