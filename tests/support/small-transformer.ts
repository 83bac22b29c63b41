/** A small vision transformer as an ONNX file, and what the configuration beside it says of its pixels. */
import { fileURLToPath } from 'node:url';

export const SMALL_TRANSFORMER = fileURLToPath(
  new URL('../shared/backbones/model-file/golden/small_transformer.onnx', import.meta.url),
);

/** preprocessor_config.json: `96x96`, `crop 110 bicubic`, `half`. */
export const PROCESSOR = JSON.stringify({
  size: { shortest_edge: 110 },
  resample: 3,
  do_center_crop: true,
  crop_size: 96,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
});
