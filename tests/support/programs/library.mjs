/** A program that uses the package: everything from photos to an exported head; what it finds out goes to a file. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  exportHead,
  extract,
  InputError,
  openDataset,
  openFeatures,
  openPredictor,
  predict,
  readHead,
  trainHeads,
} from 'permafrost';

const [labels, photo, root, head] = process.argv.slice(2);
const found = {};
const dataset = await openDataset({ data: labels });
const backbone = { name: 'mobilenet_0.25', weights: 'none', size: { width: 64, height: 48 } };
const progress = [];
const reporter = {
  info() {},
  warn() {},
  progress: (label) => ({ advance: (count) => progress.push([label, count]), stop() {} }),
};
const [summary] = await extract({ data: dataset, backbone, out: `${root}/store` }, { reporter });
found.computed = summary.computed;
found.progress = progress.reduce((sum, [, count]) => sum + count, 0);
const store = await openFeatures(`${root}/store`);
found.columns = store.manifest.columns.map(({ name }) => name);
const stop = AbortSignal.abort(new Error('stop'));
const training = await trainHeads(
  {
    source: { features: [`${root}/store`] },
    head: { epochs: 2 },
    out: `${root}/run`,
    report: false,
  },
  { reporter },
);
found.classes = training.classes;
found.trained = (await predict({ head: `${root}/run/best`, images: [photo] }))[0].labels.length;
const predictor = await openPredictor({ head });
found.answers = await predictor.predict([photo, readFileSync(photo)]);
found.refused = await predictor
  .predict([photo, new Uint8Array(3)])
  .catch((error) => [error instanceof InputError, error.message]);
found.stopped = await predictor.predict([photo], { signal: stop }).catch((error) => error.message);
await predictor.close();
found.once = await predict({ head, images: [photo] });
found.exported = (
  await exportHead({ head: await readHead(head), format: 'keras', out: `${root}/head.keras` })
).difference;
await dataset.source.close();
// With nothing said but what is needed, and the path of the data.
process.chdir(root);
const [byDefault] = await extract({ data: labels, backbone });
found.byDefault = [byDefault.out, byDefault.computed];
const { results, best } = await trainHeads({ source: { features: [byDefault.out] } });
found.oneHead = [results.length, best.result.config.lr, best.result.config.batchSize];
writeFileSync(
  `${root}/found.json`,
  JSON.stringify(found, (_, value) => (ArrayBuffer.isView(value) ? [...value] : value)),
);
