/** The arrays of a head: which there are, and how they are cut from a trainer's parameters. */
import { elementCount, type Shape } from '../graph/value.ts';
import type { Tensor } from '../weights/safetensors.ts';
import { type HeadConfig, NORMALIZATION_STATISTICS } from './config.ts';
import { headLayers, headParameters } from './layers.ts';

/** What of a head's record its arrays follow from. */
interface HeadShape {
  config: HeadConfig;
  classes: readonly string[];
  /** Numbers that each source gives it. */
  sources: readonly { dimension: number }[];
}

/** Numbers that the head takes. */
export function headInputs({ sources }: Pick<HeadShape, 'sources'>): number {
  return sources.reduce((sum, { dimension }) => sum + dimension, 0);
}

/** The arrays a head must have, by name. */
export function headTensorShapes({ config, classes, sources }: HeadShape): Map<string, Shape> {
  const inputs = headInputs({ sources });
  const shapes = new Map(
    headParameters(headLayers(config, inputs, classes.length)).map(
      ({ name, shape }) => [name, shape] as const,
    ),
  );
  for (const name of NORMALIZATION_STATISTICS[config.normalize]) shapes.set(`normalize/${name}`, [inputs]);
  return shapes;
}

/** Cuts the trainer's flat parameters into the tensors of a head. */
export function headTensors(
  record: HeadShape,
  parameters: Float32Array,
  statistics: { mean: Float32Array; deviation: Float32Array } | undefined,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  let offset = 0;
  for (const { name, shape } of headParameters(
    headLayers(record.config, headInputs(record), record.classes.length),
  )) {
    const length = elementCount(shape);
    tensors.set(name, { shape, data: parameters.subarray(offset, offset + length) });
    offset += length;
  }
  for (const name of NORMALIZATION_STATISTICS[record.config.normalize]) {
    if (!statistics) throw new Error(`The head has no statistics to ${record.config.normalize} with`);
    tensors.set(`normalize/${name}`, { shape: [statistics[name].length], data: statistics[name] });
  }
  return tensors;
}
