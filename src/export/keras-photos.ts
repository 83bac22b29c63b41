/** The whole way from photos to probabilities as one Keras model. */
import type { Engine } from '../shared/engines/engine.ts';
import type { PhotoSource } from '../shared/engines/onnxruntime/photo-model.ts';
import { unexpected, usage } from '../shared/errors.ts';
import type { Head } from '../shared/head/record.ts';
import type { Resize, Size } from '../shared/images/resize.ts';
import { addGraphLayers, createLayerList, type LayerList } from './graph-layers.ts';
import { FEATURES, type ModelLayer, modelLayers } from './head-layers.ts';
import { interpret } from './interpret.ts';
import { readKeras } from './keras.ts';

/** The input's name: RGB from 0 to 255, [batch, height, width, 3]. */
const PIXELS = 'pixels';

/**
 * The layers from photos of any size to probabilities; those of backbones are frozen.
 * @throws UsageError for a backbone or a resizing that Keras's layers cannot express
 */
export function photoLayers(sources: readonly PhotoSource[], head: Head): ModelLayer[] {
  const [, ...headLayers] = modelLayers(head, 'keras');
  const list = createLayerList([PIXELS, FEATURES, ...headLayers.map(({ name }) => name)]);
  const columns = sources.flatMap((source, index) =>
    addSource(list, source, sources.length > 1 ? index : undefined),
  );
  const isHalf = columns.map(({ half }) => half);
  const names = columns.map(({ name, half }) => (columns.length > 1 && half ? rounded(list, name) : name));
  const features: ModelLayer =
    names.length > 1
      ? { kind: 'Concatenate', name: FEATURES, config: { axis: -1 }, inputs: names, weights: [] }
      : {
          kind: 'Identity',
          name: FEATURES,
          inputs: names,
          weights: [],
          config: isHalf[0] ? { dtype: 'float16' } : {},
        };
  const config = { batch_shape: [null, null, null, 3] };
  return [
    { kind: 'InputLayer', name: PIXELS, config, inputs: [], weights: [] },
    ...list.layers,
    features,
    ...headLayers,
  ];
}

/** As features that were stored in half precision are. */
function rounded(list: LayerList, column: string): string {
  return list.add(
    { kind: 'Identity', config: { dtype: 'float16' }, inputs: [column], weights: [] },
    'rounded',
  );
}

function addSource(
  list: LayerList,
  { graph, size, resize, half }: PhotoSource,
  number: number | undefined,
): { name: string; half: boolean }[] {
  const prefix = number === undefined ? '' : `backbone${number}_`;
  const resizing = resizeConfig(size, resize);
  let pixels = list.add(
    { kind: 'Resizing', config: resizing, inputs: [PIXELS], weights: [] },
    `${prefix}resizing`,
  );
  if (resize.interpolation === 'bicubic' || resize.interpolation === 'lanczos') {
    // They overshoot at edges, where pixels of 8 bits end.
    const config = { max_value: 255, negative_slope: 0, threshold: 0 };
    pixels = list.add({ kind: 'ReLU', config, inputs: [pixels], weights: [] }, `${prefix}clip`);
  }
  return addGraphLayers(list, graph, pixels, prefix).map((name) => ({ name, half }));
}

function resizeConfig({ width, height }: Size, { fit, interpolation, edge }: Resize): ModelLayer['config'] {
  if (edge !== undefined)
    throw usage('a head on images whose shorter edge is not set', '--full', `crop ${edge}`);
  return {
    height,
    width,
    interpolation: interpolation === 'lanczos' ? 'lanczos3' : interpolation,
    antialias: true,
    crop_to_aspect_ratio: fit === 'crop',
    pad_to_aspect_ratio: fit === 'pad',
    fill_mode: 'constant',
    fill_value: 0,
    data_format: 'channels_last',
  };
}

/** Probabilities [photos, classes] of a written model, as its file describes it. */
export async function runKerasPhotos(
  path: string,
  { pixels, size }: { pixels: Uint8Array; size: Size },
  engine: Engine,
): Promise<Float32Array> {
  const graph = interpret(await readKeras(path), size);
  if (!graph.inputs.has(PIXELS)) throw unexpected(`an input ${PIXELS}`, path, [...graph.inputs.keys()]);
  const program = await engine.compile(graph);
  const { probabilities } = await program.run({ [PIXELS]: pixels });
  await program.release();
  return probabilities;
}
