/** A program that aborts what it asks of the package, and asks again; what it finds out goes to a file. */
import { getEventListeners } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  exportHead,
  extract,
  openDataset,
  openFeatures,
  openPredictor,
  predict,
  readHead,
  trainHeads,
} from 'permafrost';

const [photos, photo, root, head] = process.argv.slice(2);
const found = {};
const signals = [];
const silent = { info() {}, warn() {}, progress: () => ({ advance() {}, stop() {} }) };

/** A signal that aborts when `after` units of progress were told of, and whoever tells it of them. */
function abortAfter(after) {
  const controller = new AbortController();
  signals.push(controller.signal);
  let done = 0;
  const advance = (count) => {
    done += count;
    if (done >= after) controller.abort(new Error('enough'));
  };
  return { signal: controller.signal, reporter: { ...silent, progress: () => ({ advance, stop() {} }) } };
}

/** A signal that aborts at the first message. */
function abortAtMessage() {
  const controller = new AbortController();
  signals.push(controller.signal);
  return {
    signal: controller.signal,
    reporter: { ...silent, info: () => controller.abort(new Error('enough')) },
  };
}

function aborted() {
  const signal = AbortSignal.abort(new Error('never'));
  signals.push(signal);
  return { signal };
}

const messageOf = (promise) =>
  promise.then(
    () => 'no error',
    ({ message }) => message,
  );

const dataset = await openDataset({ data: photos });
const backbone = { name: 'mobilenet_0.25', weights: 'none', size: { width: 64, height: 48 } };
const into = (out) => ({ data: dataset, backbone, out, batchSize: 4, concurrency: 1 });
const store = `${root}/store`;
const calmStore = `${root}/calm-store`;
found.extract = {
  before: await messageOf(extract(into(store), aborted())),
  isUntouched: !existsSync(store),
  midway: await messageOf(extract(into(store), abortAfter(8))),
  kept: (await openFeatures(store)).rows,
};
const [again] = await extract(into(store), abortAfter(Number.POSITIVE_INFINITY));
await extract(into(calmStore));
const rows = await rowsOf(store);
found.extract.again = { computed: again.computed, reused: again.reused, rows: rows.length };
found.extract.isAlike = JSON.stringify(rows) === JSON.stringify(await rowsOf(calmStore));

async function rowsOf(dir) {
  const all = [];
  for await (const { paths, sha256, labels, features } of (await openFeatures(dir)).parts())
    for (const [row, path] of paths.entries()) {
      const values = features.get('avg');
      const width = values.length / paths.length;
      all.push([path, sha256[row], labels[row], [...values.subarray(row * width, (row + 1) * width)]]);
    }
  return all;
}

const training = (out) => ({
  source: { features: [calmStore] },
  head: { epochs: 400, earlyStopping: 0 },
  grid: [{ hidden: [[], [128]], lr: [1e-2, 1e-3] }],
  workers: 1,
  out,
  report: false,
});
const run = `${root}/run`;
found.train = {
  before: await messageOf(trainHeads(training(run), aborted())),
  isUntouched: !existsSync(run),
  untrained: await messageOf(trainHeads(training(run), abortAtMessage())),
  folds: await messageOf(trainHeads({ ...training(`${root}/folds`), folds: 2 }, abortAfter(100))),
};
// When the heads without a hidden layer are done: before it has trained both of the others, a worker hears of it.
const stopped = await trainHeads(training(run), abortAfter(800));
found.train.stopped = {
  interrupted: stopped.interrupted,
  isResumable: existsSync(`${run}/unfinished`),
  hasBest: existsSync(`${run}/best/head.json`),
  complete: stopped.runs.filter(({ status }) => status !== 'stopped').length,
};
const messages = [];
const ended = await trainHeads(training(run), {
  reporter: { ...silent, info: (message) => void messages.push(message) },
});
found.train.ended = {
  interrupted: ended.interrupted,
  heads: ended.runs.length,
  isResumable: existsSync(`${run}/unfinished`),
  messages,
};
await trainHeads(training(`${root}/calm-run`));
found.train.isAlike = leaderboard(run) === leaderboard(`${root}/calm-run`);

/** The leaderboard without what a clock decides. */
function leaderboard(out) {
  const [header, ...lines] = readFileSync(`${out}/leaderboard.csv`, 'utf8').trim().split('\n');
  const seconds = header.split(',').indexOf('seconds');
  return [header, ...lines].map((line) => line.split(',').toSpliced(seconds, 1).join(',')).join('\n');
}

const predictor = await openPredictor({ head, batchSize: 2 });
const controller = new AbortController();
signals.push(controller.signal);
const many = Array.from({ length: 200 }, () => photo);
const interrupted = messageOf(predictor.predict(many, { signal: controller.signal }));
setTimeout(() => controller.abort(new Error('enough')), 20);
found.predict = {
  before: await messageOf(predict({ head, images: [photo], ...aborted() })),
  midway: await interrupted,
  after: (await predictor.predict([photo])).length,
};
await predictor.close();

const record = await readHead(head);
const exporting = { head: record, format: 'onnx', out: `${root}/model.onnx`, weights: [] };
found.export = {
  before: await messageOf(exportHead({ ...exporting, ...aborted() })),
  left: readdirSync(root).filter((name) => name.startsWith('model')),
};
found.listeners = signals.map((signal) => getEventListeners(signal, 'abort').length);
found.handlers = ['SIGINT', 'SIGTERM', 'uncaughtException'].map((name) => process.listenerCount(name));
writeFileSync(`${root}/found.json`, JSON.stringify(found));
