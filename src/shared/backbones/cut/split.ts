/** A network cut in two graphs: from pixels to what is kept of them, and from there to features. */
import { UsageError } from '../../errors.ts';
import { graph, input, maxPool } from '../../graph/build.ts';
import { foldScaleShift } from '../../graph/fold.ts';
import { meanOf, varianceOf } from '../../graph/moments.ts';
import { BATCH, type Graph, type Value } from '../../graph/value.ts';
import type { BatchMoments } from '../layers/network.ts';
import type { Column } from '../load.ts';
import { behindCut, type Cut, isConvolution } from './find.ts';
import { isWeight, weightKey } from './weights.ts';

/** The name of the front's output and of the tail's first input. */
export const ACTIVATION = 'activation';

export interface SplitNetwork {
  /** Input `pixels`; outputs `activation` and, by its name, each column that no trained layer changes. */
  readonly front: Graph;
  /** Inputs `activation` and each weight by its name; outputs the other columns. */
  readonly tail: Graph;
  /**
   * As {@link tail}; where batch-norms normalise with the batch, without their moving statistics and with the outputs
   * `mean:LAYER` and `variance:LAYER`.
   */
  readonly trainingTail: Graph;
  /** Both in the order of the request, which is that of the head's inputs. */
  readonly frontColumns: readonly Column[];
  readonly tailColumns: readonly Column[];
}

/** The values of a network whose trained layers were built with weights of their own. */
export interface TrainedNetwork {
  /** Columns by name. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** The output of each layer. */
  readonly named: ReadonlyMap<string, Value>;
  readonly moments: ReadonlyMap<string, BatchMoments>;
}

/**
 * Splits a network.
 * @param training the same network with batch statistics, whose weights need no numbers; itself where it has none
 * @throws UsageError where no column is computed from trained layers
 */
export function split(network: TrainedNetwork, training: TrainedNetwork, cut: Cut): SplitNetwork {
  const isTrained = dependsOn(cut, Object.values(network.outputs));
  const columns = Object.entries(network.outputs).map(([name, value]) => ({
    name,
    dimension: value.shape[1],
    value,
  }));
  const [frontColumns, tailColumns] = [false, true].map((wanted) =>
    columns.filter(({ value }) => isTrained(value) === wanted),
  );
  if (tailColumns.length === 0) {
    const names = columns.map(({ name }) => name).join(', ');
    throw new UsageError(
      `Expected a head that reads features from behind ${cut.layer} but it reads ${names}, computed before the cut`,
    );
  }
  const kept = network.named.get(cut.layer)!;
  const everySecond = { window: [1, 1], strides: [2, 2], padding: [0, 0, 0, 0] } as const;
  const front = {
    [ACTIVATION]: cut.isHalved ? maxPool(kept, everySecond) : kept,
    ...Object.fromEntries(frontColumns.map(({ name, value }) => [name, value])),
  };
  const names = tailColumns.map(({ name }) => name);
  const tail = tailOf(network, names, cut);
  const described = ({ name, dimension }: Column): Column => ({ name, dimension });
  return {
    front: foldScaleShift(graph(front)),
    tail,
    trainingTail: training === network ? tail : tailOf(training, names, cut),
    frontColumns: frontColumns.map(described),
    tailColumns: tailColumns.map(described),
  };
}

/** Whether a value is computed from weights behind the cut. */
function dependsOn({ trained }: Cut, results: readonly Value[]): (value: Value) => boolean {
  const names = new Set(
    trained.flatMap(({ layer, weights }) => weights.map(({ name }) => weightKey(layer, name))),
  );
  const { values } = graph(Object.fromEntries(results.map((value, index) => [`${index}`, value])));
  const dependent = new Set<Value>();
  for (const value of values) {
    if ((isWeight(value) && names.has(value.name)) || value.inputs.some((source) => dependent.has(source)))
      dependent.add(value);
  }
  return (value) => dependent.has(value);
}

function tailOf({ outputs, named, moments }: TrainedNetwork, columns: readonly string[], cut: Cut): Graph {
  const kept = named.get(cut.layer)!;
  const replaced = new Map<Value, Value>([[kept, input(ACTIVATION, 'float32', [BATCH, ...cut.shape])]]);
  for (const name of columns) {
    const values = behindCut([outputs[name]], kept);
    if (!values) throw new Error(`${name} is computed past ${cut.layer}`);
    for (const value of values)
      if (!replaced.has(value)) replaced.set(value, moved(value, kept, replaced, cut.isHalved));
  }
  const results = columns.map((name) => [name, replaced.get(outputs[name])!] as const);
  const statistics = Array.from(moments).flatMap(([layer, { mean, variance }]) => {
    const [meanHere, varianceHere] = [mean, variance].map((value) => replaced.get(value));
    if (!meanHere || !varianceHere) return [];
    return [[meanOf(layer), meanHere] as const, [varianceOf(layer), varianceHere] as const];
  });
  return graph(Object.fromEntries([...results, ...statistics]));
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
