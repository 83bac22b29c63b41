/** A network cut in two graphs: from pixels to what is kept of them, and from there to features. */
import { UsageError } from '../../errors.ts';
import { graph, input, maxPool } from '../../graph/build.ts';
import { foldScaleShift } from '../../graph/fold.ts';
import { BATCH, type Graph, type Shape, type Value } from '../../graph/value.ts';
import type { WeightName } from '../../weights/source.ts';
import { behindCut, type Cut, isConvolution } from './find.ts';

/** The name of the front's output and of the tail's first input. */
export const ACTIVATION = 'activation';

/** A weight of the tail, which is fed to it. */
export interface TailWeight {
  /** `layer/weight`, the name of the tail's input. */
  readonly name: string;
  readonly layer: string;
  readonly weight: WeightName;
  /** As Keras has it; the input lays the same numbers out alike. */
  readonly shape: Shape;
  readonly data: Float32Array;
  /** Moving means and variances, which no gradient changes. */
  readonly isStatistic: boolean;
}

export interface SplitNetwork {
  /** Input `pixels`; output `activation`. */
  readonly front: Graph;
  /** Inputs `activation` and each weight by its name; outputs as of the whole network. */
  readonly tail: Graph;
  /** In Keras's order. */
  readonly weights: readonly TailWeight[];
}

/**
 * Splits a network whose trained layers were built with weights of their own.
 * @param outputs the whole network's, by name
 * @param kept the output of the cut's layer
 * @throws UsageError for an output that is computed from layers before the cut
 */
export function split(outputs: Readonly<Record<string, Value>>, kept: Value, cut: Cut): SplitNetwork {
  const activation = input(ACTIVATION, 'float32', [BATCH, ...cut.shape]);
  const replaced = new Map<Value, Value>([[kept, activation]]);
  const constants = new Map<string, Value<'constant'>>();
  for (const [name, output] of Object.entries(outputs)) {
    const values = behindCut([output], kept);
    if (!values)
      throw new UsageError(`Expected features from behind ${cut.layer} but ${name} is computed before it`);
    for (const value of values) {
      if (isWeight(value)) constants.set(value.name, value);
      if (!replaced.has(value)) replaced.set(value, moved(value, kept, replaced, cut.isHalved));
    }
  }
  const everySecond = { window: [1, 1], strides: [2, 2], padding: [0, 0, 0, 0] } as const;
  const front = cut.isHalved ? maxPool(kept, everySecond) : kept;
  const results = Object.entries(outputs).map(([name, value]) => [name, replaced.get(value)!] as const);
  return {
    front: foldScaleShift(graph({ [ACTIVATION]: front })),
    tail: graph(Object.fromEntries(results)),
    weights: cut.trained.flatMap(({ layer, weights }) =>
      weights.flatMap(({ name: weight, shape }) => {
        const name = `${layer}/${weight}`;
        const value = constants.get(name);
        const isStatistic = weight.startsWith('moving_');
        return value ? [{ name, layer, weight, shape, data: value.attributes.data, isStatistic }] : [];
      }),
    ),
  };
}

/** A value of the tail: weights become inputs, and what skipped every second pixel finds only those left. */
function moved(value: Value, kept: Value, replaced: ReadonlyMap<Value, Value>, isHalved: boolean): Value {
  if (isWeight(value)) return input(value.name, 'float32', value.shape);
  const inputs = value.inputs.map((source) => replaced.get(source)!);
  if (isHalved && isConvolution(value) && value.inputs[0] === kept) {
    return { ...value, inputs, attributes: { ...value.attributes, strides: [1, 1] } } as Value<'conv2d'>;
  }
  return { ...value, inputs };
}

/** Constants with a name are weights of layers. */
function isWeight(value: Value): value is Value<'constant'> & { readonly name: string } {
  return value.op === 'constant' && value.name !== undefined;
}
