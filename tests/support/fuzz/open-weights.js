// Opens every weights file of a folder with the built reader and reads all it asks for; a line of JSON for each.
// node open-weights.js FOLDER LAYERS.json < names to leave out, as a JSON list
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackKerasWeights } from '../../../dist/shared/weights/keras-archive.js';
import { openKerasFile } from '../../../dist/shared/weights/keras-h5.js';
import { openSafetensors } from '../../../dist/shared/weights/safetensors.js';
import { openTfjsWeights } from '../../../dist/shared/weights/tfjs-layers.js';

const [folder, layersFile] = process.argv.slice(2);
const layers = JSON.parse(readFileSync(layersFile, 'utf8'));

async function readAll(path) {
  if (path.endsWith('.safetensors')) {
    const file = openSafetensors(path);
    for (const name of file.shapes.keys()) file.read(name);
    return file.close();
  }
  if (path.endsWith('.json')) {
    const { source, close } = await openTfjsWeights({ path, backbone: 'tiny', layers });
    try {
      for (const { layer, weights } of layers)
        for (const { name, shape } of weights) source(layer, name, shape);
    } finally {
      close();
    }
    return;
  }
  const unpacked = path.endsWith('.keras') ? await unpackKerasWeights(path) : undefined;
  try {
    const { weights, close } = await openKerasFile(path, unpacked?.file);
    try {
      const source = weights({ backbone: 'tiny', layers });
      for (const { layer, weights } of layers)
        for (const { name, shape } of weights) source(layer, name, shape);
    } finally {
      close();
    }
  } finally {
    await unpacked?.remove();
  }
}

const leftOut = JSON.parse(readFileSync(0, 'utf8'));
for (const name of readdirSync(folder)) {
  // Shards are opened through their model.
  if (leftOut.includes(name) || name.endsWith('.bin')) continue;
  process.stdout.write(`${JSON.stringify({ starts: name })}\n`);
  const started = performance.now();
  const error = await readAll(join(folder, name)).then(
    () => undefined,
    (thrown) => ({ name: thrown.name, message: thrown.message }),
  );
  const ms = performance.now() - started;
  process.stdout.write(`${JSON.stringify({ name, ms, error, rss: process.resourceUsage().maxRSS })}\n`);
}
