/** Second step: the network cut in front of each layer that a training begins at. */
import { type CutBackbone, loadCutBackbone } from '../shared/backbones/cut/load.ts';
import { trainedWeights } from '../shared/backbones/cut/weights.ts';
import { usage } from '../shared/errors.ts';
import { checkBackbone, weightsOf } from '../shared/head/recorded-backbone.ts';
import type { TailSettings } from '../shared/head/tail-settings.ts';
import { parseResize } from '../shared/images/resize.ts';
import type { Reporter } from '../shared/reporter.ts';
import type { TunedConfig } from './search/configurations.ts';
import type { Start } from './start/open.ts';

/** The network of some trainings, which share a cut and what they do with batch-norms. */
export interface TunedNetwork {
  /** The first trained layer, by its Keras name. */
  from: string;
  batchNorm: TailSettings['batchNorm'];
  network: CutBackbone;
}

export interface Cuts {
  networks: TunedNetwork[];
  /** The trainings with the layers' own names. */
  configs: TunedConfig[];
  /** The network of each training, by its place. */
  networkOf: number[];
  /** The backbone's weights as they are opened: imagenet, none or a file. */
  weights: string;
}

/**
 * Cuts the head's backbone as the trainings ask for.
 * @throws UsageError for a layer at which it cannot be cut, and for weights to train that it does not have; InputError where it is
 *   no longer the one that the head was trained on
 */
export async function openCuts(
  { source }: Pick<Start, 'source'>,
  requested: readonly TunedConfig[],
  { weights: given, reporter }: { weights: string | undefined; reporter: Reporter },
): Promise<Cuts> {
  const { pipeline, columns } = source;
  const [weights] = weightsOf([source], given === undefined ? [] : [given]);
  const networks: TunedNetwork[] = [];
  const byRequest = new Map<string, number>();
  const networkOf: number[] = [];
  const configs: TunedConfig[] = [];
  for (const config of requested) {
    const { from, batchNorm, train } = config.tail;
    const key = `${from} ${batchNorm}`;
    const index = byRequest.get(key) ?? (await open(from, batchNorm));
    byRequest.set(key, index);
    // Refused here, before activations are computed for it.
    trainedWeights(networks[index].network.weights, train);
    networkOf.push(index);
    configs.push({ ...config, tail: { ...config.tail, from: networks[index].from } });
  }
  return { networks, configs, networkOf, weights };

  /** The place of the network, of which there is one for each layer however it was named. */
  async function open(written: string, batchNorm: TailSettings['batchNorm']): Promise<number> {
    const network = await loadCutBackbone({
      name: pipeline.backbone,
      size: pipeline.size,
      poolings: columns,
      weights,
      note: reporter.warn,
      from: written,
      batchNorm,
    });
    const { weightsHash, preprocessing, size, frontColumns, tailColumns } = network;
    const found = [...frontColumns, ...tailColumns];
    checkBackbone(source, {
      name: pipeline.backbone,
      size,
      weights,
      weightsHash,
      preprocessing,
      resize: parseResize(pipeline.resize, `resize of the head's ${pipeline.backbone}`),
      columns: columns.flatMap((name) => found.filter((column) => column.name === name)),
    });
    if (tailColumns.length === 0)
      throw usage(`a layer before ${columns.join(', ')}, which the head reads,`, '--from', written);
    const [{ layer: from }] = network.cut.trained;
    const existing = networks.findIndex((one) => one.from === from && one.batchNorm === batchNorm);
    return existing >= 0 ? existing : networks.push({ from, batchNorm, network }) - 1;
  }
}
