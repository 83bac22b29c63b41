// Opens every ONNX file of a folder with the built reader and runs it once; a line of JSON for each.
// node open-models.js FOLDER < names to leave out, as a JSON list
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModelBackbone } from '../../../dist/shared/backbones/model-file/open.js';

const [folder] = process.argv.slice(2);
const leftOut = JSON.parse(readFileSync(0, 'utf8'));
for (const name of readdirSync(folder)) {
  if (!name.endsWith('.onnx') || leftOut.includes(name)) continue;
  process.stdout.write(`${JSON.stringify({ starts: name })}\n`);
  const started = performance.now();
  let error;
  try {
    const { program } = await openModelBackbone({
      path: join(folder, name),
      preprocess: 'half',
      resize: {},
      poolings: ['avg'],
      engine: {},
    });
    await program.release();
  } catch (thrown) {
    error = { name: thrown.name, message: thrown.message };
  }
  const ms = performance.now() - started;
  process.stdout.write(`${JSON.stringify({ name, ms, error, rss: process.resourceUsage().maxRSS })}\n`);
}
