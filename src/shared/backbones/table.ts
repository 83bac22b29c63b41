/** Tables of backbones and their depths, made from the registry. */

import { LAST } from '../depth-words.ts';
import { graph } from '../graph/build.ts';
import { elementCount } from '../graph/value.ts';
import { type BackboneShape, describeBackbone } from './load.ts';
import { multiplyAdds } from './multiply-adds.ts';
import { PREPROCESSING } from './preprocessing.ts';
import { BACKBONES } from './registry.ts';

/** What a table says about a backbone at its own size. */
export interface BackboneFacts {
  readonly name: string;
  readonly kerasName: string;
  /** Width and height. */
  readonly size: number;
  readonly minimumSize: number;
  /** Features of `--pooling avg`. */
  readonly dimension: number;
  /** The layers whose features are stored by default, the shallowest first and the last layer last, and their numbers of features. */
  readonly depths: readonly { readonly layer: string; readonly dimension: number }[];
  /** As Keras counts them, without the classifier. */
  readonly parameters: number;
  /** Multiplications of convolutions for one image. */
  readonly multiplyAdds: number;
  readonly preprocessing: string;
  /** File name and address of its ImageNet weights; no address for those that ship with permafrost. */
  readonly weights: { readonly file: string; readonly address?: string };
  /** Each layer's Keras name and shape [height, width, channels], in the order of creation. */
  readonly layers: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

export function backboneFacts(name: string): BackboneFacts {
  const { definition, size, columns, layers, outputs, map } = describeBackbone({ name, poolings: ['avg'] });
  const imagenet = definition.imagenet(size);
  return {
    name: definition.name,
    kerasName: definition.kerasName,
    size: definition.size,
    minimumSize: definition.minimumSize,
    dimension: columns[0].dimension,
    depths: [
      ...definition.depths.map((layer) => ({ layer, dimension: outputs.get(layer)!.shape[3] })),
      { layer: LAST, dimension: columns[0].dimension },
    ],
    parameters: parameterCount(layers),
    multiplyAdds: multiplyAdds(graph({ map }).values),
    preprocessing: PREPROCESSING[definition.preprocessing].formula,
    weights: 'shipped' in imagenet ? { file: imagenet.shipped } : imagenet,
    layers: [...outputs].map(([layer, { shape }]) => ({ name: layer, shape: shape.slice(1) })),
  };
}

/** Of all backbones, in the order of the registry. */
export function allBackboneFacts(): BackboneFacts[] {
  return Array.from(BACKBONES.keys(), backboneFacts);
}

/** A Markdown table: name, input size, features, parameters (without the classifier), preprocessing. */
export function backboneTable(backbones: readonly BackboneFacts[]): string {
  const rows = backbones.map(markdownRow);
  return [
    ['Backbone', 'Input', 'Features', 'Parameters', 'Multiply-adds', 'Preprocessing'],
    ['---', '---', '---:', '---:', '---:', '---'],
    ...rows,
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** A Markdown table: names, the layers of `--layer depths`, features of all of them together. */
export function depthsTable(backbones: readonly BackboneFacts[]): string {
  const rows = new Map<string, { names: string[]; sums: number[] }>();
  for (const { name, depths } of backbones) {
    // Names of one family's layers differ in little; those of ConvNeXt begin with the backbone's own.
    const layers = depths.map(({ layer }) => `\`${layer.replace(name, 'NAME')}\``).join(', ');
    const row = rows.get(layers) ?? { names: [], sums: [] };
    row.names.push(`\`${name}\``);
    row.sums.push(depths.reduce((sum, { dimension }) => sum + dimension, 0));
    rows.set(layers, row);
  }
  return [
    '| Backbones | Depths | Features in all |',
    '| --- | --- | --- |',
    ...Array.from(rows, ([layers, { names, sums }]) => {
      const distinct = [...new Set(sums)].join(', ');
      return `| ${names.join(', ')} | ${layers} | ${distinct} |`;
    }),
  ].join('\n');
}

function markdownRow(facts: BackboneFacts): string[] {
  const { name, size, dimension, parameters, multiplyAdds, preprocessing } = facts;
  return [
    `\`${name}\``,
    `${size}x${size}`,
    String(dimension),
    millions(parameters),
    billions(multiplyAdds),
    preprocessing,
  ];
}

export const millions = (count: number): string => `${(count / 1e6).toFixed(1)} M`;
export const billions = (count: number): string => `${(count / 1e9).toFixed(2)} G`;

function parameterCount(layers: BackboneShape['layers']): number {
  return layers.flatMap(({ weights }) => weights).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
