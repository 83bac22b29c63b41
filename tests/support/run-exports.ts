/** Exports of photo models, run by onnxruntime and TensorFlow.js themselves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tfc from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { MODEL_FILE, WEIGHTS_FILE } from '../../src/export/tfjs.ts';
import type { Size } from '../../src/shared/images/resize.ts';

/** Probabilities [photos, classes] for RGB pixels. */
export async function runOnnxExport(
  path: string,
  pixels: Uint8Array,
  { width, height }: Size,
): Promise<Float32Array> {
  const session = await InferenceSession.create(path);
  const photos = pixels.length / (3 * width * height);
  const results = await session.run({ pixels: new Tensor('uint8', pixels, [photos, height, width, 3]) });
  await session.release();
  return results.probabilities.data as Float32Array;
}

/** The same of a folder; the caller sets TensorFlow.js's backend. */
export async function runTfjsExport(
  folder: string,
  pixels: Uint8Array,
  { width, height }: Size,
): Promise<Float32Array> {
  const { loadLayersModel } = await import('@tensorflow/tfjs-layers');
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, MODEL_FILE), 'utf8'));
  const weightData = new Uint8Array(readFileSync(join(folder, WEIGHTS_FILE))).buffer;
  const weightSpecs = weightsManifest[0].weights;
  const model = await loadLayersModel(tfc.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  const photos = pixels.length / (3 * width * height);
  const given = tfc.tensor4d(Float32Array.from(pixels), [photos, height, width, 3]);
  return (model.predict(given) as tfc.Tensor).dataSync() as Float32Array;
}
