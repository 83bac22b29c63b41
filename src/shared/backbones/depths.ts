/** Which columns a store of features has: the depths of a network by default, or the layers that are named. */
import { DEPTHS, LAST } from '../depth-words.ts';
import { UsageError, usage } from '../errors.ts';
import { isModelFile } from './model-file/request.ts';
import { columnNames } from './pooling.ts';
import { findBackbone, lookUpBackbone } from './registry.ts';

/**
 * Names of the columns of a backbone: each layer under each pooling, the last layer first among depths.
 * @param layers names of layers, `depths` or `last`; default: depths where the backbone has a table of them
 * @throws UsageError for a layer that is named twice, the depths of an .onnx file, or an unknown backbone
 */
export function requestedColumns(
  backbone: string,
  poolings: readonly string[],
  layers: readonly string[] = usualLayers(backbone),
): string[] {
  const columns = layers.flatMap((layer) => {
    if (layer === LAST) return columnNames(poolings);
    return layer === DEPTHS ? depthColumns(backbone, poolings) : columnNames(poolings, [layer]);
  });
  if (new Set(columns).size < columns.length) throw usage('each layer once', '--layer', layers.join(','));
  return columns;
}

/** What is stored where nobody names a layer: depths where the backbone has a table of them. */
export function usualLayers(backbone: string): string[] {
  return [lookUpBackbone(backbone) ? DEPTHS : LAST];
}

/** `flatten` is of the last layer alone: earlier ones have many times as many places. */
function depthColumns(backbone: string, poolings: readonly string[]): string[] {
  if (isModelFile(backbone))
    throw new UsageError(
      `--layer depths cannot be combined with ${backbone}: an .onnx file has no table of depths; name its tensors`,
    );
  const pooled = poolings.filter((pooling) => pooling !== 'flatten');
  return [...columnNames(poolings), ...columnNames(pooled, findBackbone(backbone).depths)];
}
