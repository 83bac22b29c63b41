/**
 * From a folder of class folders to a classifier, in one program:
 *
 *     npx tsx library.ts photos/ [photo.jpg]
 *
 * Options that are left out are those of the commands. Nothing is printed that this program does not print.
 */
import { extract, openPredictor, trainHeads } from 'permafrost';

const [data, photo] = process.argv.slice(2);

// Runs the backbone once; when you run this again, only new photos are computed.
const [{ out, images, failed }] = await extract({
  data,
  backbone: 'efficientnet_lite0',
  out: 'cache/example',
});
console.log(`${images} images, ${failed} of which cannot be used`);

const { best, baseline, classes } = await trainHeads({
  source: { features: [out] },
  grid: [{ optimizer: ['lbfgs'], normalize: ['standardize'], l2: [1e-1, 1e-2, 1e-3] }],
  out: 'runs/example',
});
const { id, val, test } = best.result;
console.log(`Head ${id} of ${classes.length} classes:`, { val, test, baseline });

if (photo !== undefined) {
  const predictor = await openPredictor({ head: 'runs/example/best' });
  const [answer] = await predictor.predict([photo]);
  console.log(photo, answer.labels);
  await predictor.close();
}
