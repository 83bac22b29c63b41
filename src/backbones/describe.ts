/** Backbones as text: a table of all, and all there is to know about one. */
import Table from 'cli-table3';
import { findHubModel, HUB_MODELS, type HubModelRow } from '../shared/backbones/hub-models.ts';
import { describeModel, type ModelFacts, type ModelLayer } from '../shared/backbones/model-file/describe.ts';
import { modelFilePath } from '../shared/backbones/model-file/request.ts';
import { findBackbone } from '../shared/backbones/registry.ts';
import {
  allBackboneFacts,
  type BackboneFacts,
  backboneFacts,
  billions,
  millions,
} from '../shared/backbones/table.ts';
import type { Size } from '../shared/images/resize.ts';
import { findPublished } from '../shared/weights/published.ts';

/** Facts without the lists of layers. */
type BackboneSummary = Omit<BackboneFacts, 'layers'>;

/** All backbones, in the order of the registry. */
export function describeAll(): BackboneSummary[] {
  return allBackboneFacts().map(({ layers: _, ...summary }) => summary);
}

export function listing(backbones: readonly BackboneSummary[]): string {
  const table = new Table({
    head: ['backbone', 'input', 'features', 'parameters', 'multiply-adds', 'pixels'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
    chars: NO_LINES,
  });
  for (const { name, size, dimension, parameters, multiplyAdds, preprocessing } of backbones) {
    table.push([
      name,
      `${size}x${size}`,
      String(dimension),
      millions(parameters),
      billions(multiplyAdds),
      preprocessing,
    ]);
  }
  const hub = new Table({
    head: ['from a model hub', 'repository', 'features', 'pooling', 'pixels', 'licence'],
    colAligns: ['left', 'left', 'right', 'left', 'left', 'left'],
    style: { head: [], border: [] },
    chars: NO_LINES,
  });
  for (const { name, repository, dimension, pooling, pixels, licence } of HUB_MODELS)
    hub.push([name, repository, String(dimension), pooling, pixels, licence]);
  return `${table}\n\n${hub}`.replace(/ +$/gm, '');
}

/** Everything about one backbone, and whether its weights are on this machine. */
export async function describeOne(name: string): Promise<{ facts: BackboneFacts; text: string }> {
  const facts = backboneFacts(name);
  const { size, minimumSize, dimension, parameters, multiplyAdds, preprocessing, depths, layers } = facts;
  const lines = [
    `${facts.name} (${facts.kerasName})`,
    `  input          ${size}x${size}; any size from ${minimumSize}x${minimumSize}`,
    `  pixels         ${preprocessing}`,
    `  features       ${dimension}`,
    `  parameters     ${parameters}`,
    `  multiply-adds  ${billions(multiplyAdds)} per image`,
    `  weights        ${await whereWeightsAre(name)}`,
    `  depths         ${depths.map(({ layer, dimension: own }) => `${layer} (${own})`).join(', ')}`,
    '  layers (for --layer; avg_pool is the pooled last feature map)',
    ...layers.map(({ name: layer, shape }) => `    ${layer}  ${shape.join('x')}`),
  ];
  return { facts, text: lines.join('\n') };
}

/** What is known of a model of a hub before it is downloaded. */
export function describeHubModel(row: HubModelRow): { facts: HubModelRow; text: string } {
  const { name, repository, file, pooling, dimension, pixels, licence } = row;
  const lines = [
    name,
    `  weights        ${file} of https://huggingface.co/${repository}, downloaded on first use`,
    `  licence        ${licence}`,
    `  input          ${pixels}`,
    `  features       ${dimension} (--pooling ${pooling})`,
    `  layers         permafrost backbones ${name} --layers downloads the model and lists them`,
  ];
  return { facts: row, text: lines.join('\n') };
}

/** Everything about an ONNX file, with its layers where they are requested. */
export async function describeFile(
  name: string,
  { weights }: { weights: string },
  options: { layers: boolean; size?: Size },
): Promise<{ facts: ModelFacts & { name: string; weights: string }; text: string }> {
  const facts = await describeModel(modelFilePath(weights), options);
  const row = findHubModel(name);
  const { size, preprocessing, resize, family, column, dimension, note, layers } = facts;
  const lines = [
    name,
    `  weights        ${weights}`,
    ...(row ? [`  licence        ${row.licence}`] : []),
    ...(family === undefined ? [] : [`  family         ${family}`]),
    ...(size ? [`  input          ${size.width}x${size.height}`] : []),
    `  pixels         ${preprocessing ?? 'as --preprocess says: no configuration beside the file does'}`,
    `  resize         ${resize}`,
    ...(dimension === undefined ? [] : [`  features       ${dimension} (--pooling ${column})`]),
    ...(note === undefined ? [] : [`  note           ${note}`]),
    ...layerLines(layers ?? []),
  ];
  return { facts: { name, weights, ...facts }, text: lines.join('\n') };
}

/** Each layer with its number from the end, its operation and its shape. */
function layerLines(layers: readonly ModelLayer[]): string[] {
  if (layers.length === 0) return [];
  const lines = layers.map(({ name, op, shape, isPerImage }, index) => {
    const number = String(index - layers.length).padStart(String(-layers.length).length);
    return `    ${number}  ${name}  ${op}  ${shape.join('x')}${isPerImage ? '' : '  (not one row per image)'}`;
  });
  return ['  layers (for --layer, by number or name)', ...lines];
}

async function whereWeightsAre(name: string): Promise<string> {
  const definition = findBackbone(name);
  const imagenet = definition.imagenet({ width: definition.size, height: definition.size });
  if ('shipped' in imagenet) return `${imagenet.shipped}, included in permafrost`;
  const found = await findPublished(imagenet);
  return found ?? `${imagenet.file}, downloaded from ${imagenet.address} on first use`;
}

/** No lines between or around cells: two spaces. */
const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
};
