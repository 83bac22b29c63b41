/** A backbone with its weights, cut in two. */
import { hashedSource } from '../../weights/source.ts';
import { type BackboneOptions, build, describeBackbone, type LoadedBackbone } from '../load.ts';
import { openWeights, type WeightsRequest } from '../open-weights.ts';
import { type Cut, findCut } from './find.ts';
import { type SplitNetwork, split } from './split.ts';

export interface CutBackbone
  extends SplitNetwork,
    Pick<LoadedBackbone, 'weightsHash' | 'preprocessing' | 'size'> {
  readonly cut: Cut;
}

type Request = BackboneOptions & Pick<WeightsRequest, 'weights' | 'opening' | 'note'> & { from: string };

/**
 * Cuts a backbone in front of the layer `from`.
 * @throws as loadBackbone and findCut do
 */
export async function loadCutBackbone({
  weights,
  opening,
  note,
  from,
  ...options
}: Request): Promise<CutBackbone> {
  const network = describeBackbone(options);
  const cut = findCut(network, from);
  const { definition, size, layers } = network;
  const isDefaultSize = options.size === undefined;
  const opened = await openWeights({ definition, size, isDefaultSize, weights, layers, opening, note });
  try {
    const { source, hash } = hashedSource(opened.source);
    const trained = new Set(cut.trained.map(({ layer }) => layer));
    const { outputs, named } = build(
      definition,
      size,
      source,
      options.poolings,
      opened.preparation,
      (layer) => trained.has(layer),
    );
    const parts = split(outputs, named.get(cut.layer)!, cut);
    return { ...parts, cut, size, weightsHash: hash(), preprocessing: opened.preparation.name };
  } finally {
    await opened.close();
  }
}
