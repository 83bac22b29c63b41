/** The whole way from photos to probabilities as layers of one Keras or TensorFlow.js model. */
import type { Engine } from '../shared/engines/engine.ts';
import type { PhotoSource } from '../shared/engines/onnxruntime/photo-model.ts';
import { unexpected, usage } from '../shared/errors.ts';
import type { Head } from '../shared/head/record.ts';
import type { Resize, Size } from '../shared/images/resize.ts';
import { addGraphLayers, createLayerList, type GraphLayersOptions, type LayerList } from './graph-layers.ts';
import { type Dialect, FEATURES, type ModelLayer, modelLayers } from './head-layers.ts';
import { interpret } from './interpret.ts';

/** The input's name: RGB from 0 to 255, [batch, height, width, 3]. */
const PIXELS = 'pixels';

type Options = Pick<GraphLayersOptions, 'dialect' | 'isTrained' | 'momentum'>;

/**
 * The layers from photos to probabilities: of any size for Keras, of the backbone's for TensorFlow.js, whose resizing differs
 * from everybody else's. Layers of backbones are frozen but for those that `isTrained` names.
 * @throws UsageError for a backbone or a resizing that the dialect's layers cannot express
 */
export function photoLayers(sources: readonly PhotoSource[], head: Head, options: Options): ModelLayer[] {
  const { dialect } = options;
  const [, ...headLayers] = modelLayers(head, dialect);
  const list = createLayerList([PIXELS, FEATURES, ...headLayers.map(({ name }) => name)]);
  const columns = sources.flatMap((source, index) => {
    const prefix = sources.length > 1 ? `backbone${index}_` : '';
    const pixels = INPUT[dialect].pixels(list, source, prefix);
    const names = addGraphLayers(list, source.graph, { ...options, pixels, prefix });
    return source.half ? names.map((name) => INPUT[dialect].rounded(list, name)) : names;
  });
  const features = { name: FEATURES, inputs: columns, weights: [] };
  return [
    { kind: 'InputLayer', name: PIXELS, config: INPUT[dialect].shape(sources), inputs: [], weights: [] },
    ...list.layers,
    columns.length > 1
      ? { ...features, kind: 'Concatenate', config: { axis: -1 } }
      : { ...features, kind: 'Activation', config: { activation: 'linear' } },
    ...headLayers,
  ];
}

/** How photos come into a model, and how features leave the backbone where they were stored in half precision. */
interface Input {
  /** The configuration of the input layer. */
  shape(sources: readonly PhotoSource[]): ModelLayer['config'];
  /** The layer that gives a backbone's pixels. */
  pixels(list: LayerList, source: PhotoSource, prefix: string): string;
  rounded(list: LayerList, column: string): string;
}

const INPUT: Readonly<Record<Dialect, Input>> = {
  keras: {
    shape: () => ({ batch_shape: [null, null, null, 3] }),
    pixels(list, { size, resize }, prefix) {
      const config = resizeConfig(size, resize);
      const resized = list.add(
        { kind: 'Resizing', config, inputs: [PIXELS], weights: [] },
        `${prefix}resizing`,
      );
      if (resize.interpolation !== 'bicubic' && resize.interpolation !== 'lanczos') return resized;
      // They overshoot at edges, where pixels of 8 bits end.
      const range = { max_value: 255, negative_slope: 0, threshold: 0 };
      return list.add({ kind: 'ReLU', config: range, inputs: [resized], weights: [] }, `${prefix}clip`);
    },
    rounded(list, column) {
      const config = { dtype: 'float16' };
      return list.add({ kind: 'Identity', config, inputs: [column], weights: [] }, 'rounded');
    },
  },
  tfjs: {
    shape([first, ...others]) {
      const { width, height } = first.size;
      const other = others.find(({ size }) => size.width !== width || size.height !== height);
      if (other)
        throw usage(
          `backbones with images of one size for TensorFlow.js`,
          '--full',
          `${width}x${height}, ${other.size.width}x${other.size.height}`,
        );
      return { batch_input_shape: [null, height, width, 3], sparse: false };
    },
    pixels: () => PIXELS,
    rounded: roundedBySplitting,
  },
};

/** To 11 bits by Veltkamp's splitting, in a dialect that has no other type. */
function roundedBySplitting(list: LayerList, column: string): string {
  const scaled = (from: string, scale: number): string =>
    list.add({ kind: 'Rescaling', config: { scale, offset: 0 }, inputs: [from], weights: [] }, 'scaled');
  const sum = (a: string, b: string): string =>
    list.add({ kind: 'Add', config: {}, inputs: [a, b], weights: [] }, 'rounded');
  const wide = scaled(column, 2 ** 13 + 1);
  return sum(wide, scaled(sum(wide, scaled(column, -1)), -1));
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

/** Probabilities [photos, classes] of a written model, as its layers describe it. */
export async function runPhotoLayers(
  layers: readonly ModelLayer[],
  { pixels, size }: { pixels: Uint8Array; size: Size },
  engine: Engine,
): Promise<Float32Array> {
  const graph = interpret(layers, size);
  if (!graph.inputs.has(PIXELS)) throw unexpected('an input', PIXELS, [...graph.inputs.keys()]);
  const program = await engine.compile(graph);
  const { probabilities } = await program.run({ [PIXELS]: pixels });
  await program.release();
  return probabilities;
}
