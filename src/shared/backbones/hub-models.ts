/** Models of a hub that have a short name here: where they are, how they are pooled, and on which terms. */
import type { PoolingName } from './pooling.ts';

export interface HubModelRow {
  /** As given to --backbone. */
  readonly name: string;
  /** `ORG/NAME` on huggingface.co. */
  readonly repository: string;
  /** Of the file in fp32. */
  readonly file: string;
  /** As its config.json leads to; see familyPooling. */
  readonly pooling: PoolingName;
  /** Features of one image. */
  readonly dimension: number;
  /** How its processor prepares photos. */
  readonly pixels: string;
  readonly licence: string;
}

const MODEL = 'onnx/model.onnx';
const TOWER = 'onnx/vision_model.onnx';
const CROP_256 = '224x224, crop 256 bicubic, imagenet';
const STRETCH = '224x224, stretch bilinear, imagenet';
const CLIP = '224x224, crop 224 bicubic, its own mean and deviation';
const DINOV3_LICENCE = 'DINOv3 License (own terms: read before use)';

/** Repositories and files as of November 2026; pixels and poolings come from the configuration that is downloaded. */
export const HUB_MODELS: readonly HubModelRow[] = [
  row('dinov2_small', 'onnx-community/dinov2-small', MODEL, 'cls+mean', 768, CROP_256, 'Apache-2.0'),
  row('dinov2_base', 'onnx-community/dinov2-base', MODEL, 'cls+mean', 1536, CROP_256, 'Apache-2.0'),
  row('dinov2_large', 'onnx-community/dinov2-large', MODEL, 'cls+mean', 2048, CROP_256, 'Apache-2.0'),
  row(
    'dinov2_small_registers',
    'onnx-community/dinov2-with-registers-small',
    MODEL,
    'cls+mean',
    768,
    CROP_256,
    'Apache-2.0',
  ),
  row(
    'dinov3_vits16',
    'onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX',
    MODEL,
    'cls',
    384,
    STRETCH,
    DINOV3_LICENCE,
  ),
  row(
    'dinov3_vitb16',
    'onnx-community/dinov3-vitb16-pretrain-lvd1689m-ONNX',
    MODEL,
    'cls',
    768,
    STRETCH,
    DINOV3_LICENCE,
  ),
  row('clip_vit_base_patch32', 'Xenova/clip-vit-base-patch32', TOWER, 'pooler', 512, CLIP, 'MIT'),
  row('clip_vit_base_patch16', 'Xenova/clip-vit-base-patch16', TOWER, 'pooler', 512, CLIP, 'MIT'),
  row(
    'siglip2_base_patch16_224',
    'onnx-community/siglip2-base-patch16-224-ONNX',
    TOWER,
    'pooler',
    768,
    '224x224, stretch bilinear, half',
    'Apache-2.0',
  ),
  row(
    'mobilenetv4_conv_small',
    'onnx-community/mobilenetv4_conv_small.e2400_r224_in1k',
    MODEL,
    'avg',
    1280,
    '224x224, crop 256 bicubic, imagenet',
    'Apache-2.0',
  ),
  row(
    'convnextv2_tiny',
    'Xenova/convnextv2-tiny-1k-224',
    MODEL,
    'avg',
    768,
    '224x224, crop 256 bicubic, imagenet',
    'CC-BY-NC-4.0 (no commercial use)',
  ),
];

function row(
  name: string,
  repository: string,
  file: string,
  pooling: PoolingName,
  dimension: number,
  pixels: string,
  licence: string,
): HubModelRow {
  return { name, repository, file, pooling, dimension, pixels, licence };
}

/** The row of a short name. */
export function findHubModel(name: string): HubModelRow | undefined {
  return HUB_MODELS.find((model) => model.name === name);
}

/** A Markdown table of all. */
export function hubModelsTable(): string {
  const rows = HUB_MODELS.map(({ name, repository, pooling, dimension, pixels, licence }) => [
    `\`${name}\``,
    `\`hf:${repository}\``,
    `\`${pooling}\``,
    String(dimension),
    pixels,
    licence,
  ]);
  const head = ['Name', 'Repository', 'Pooling', 'Features', 'Pixels', 'Licence'];
  const lines = [head, ['---', '---', '---', '---:', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
