/** The README's table of backbones, made from the registry. */
import { elementCount } from '../graph/value.ts';
import { describeBackbone } from './load.ts';
import { PREPROCESSING } from './preprocessing.ts';
import { BACKBONES } from './registry.ts';

/** A Markdown table: name, input size, features, parameters (without the classifier), preprocessing, weights. */
export function backboneTable(): string {
  const rows = [...BACKBONES.values()].map(({ name, size, preprocessing, imagenet }) => {
    const { columns, layers } = describeBackbone({ name, poolings: ['avg'] });
    const parameters = layers
      .flatMap(({ weights }) => weights)
      .reduce((sum, { shape }) => sum + elementCount(shape), 0);
    return [
      `\`${name}\``,
      `${size}x${size}`,
      columns[0].dimension,
      `${(parameters / 1e6).toFixed(1)} M`,
      PREPROCESSING[preprocessing].formula,
      'shipped' in imagenet ? 'ship with permafrost' : `[${imagenet.file}](${imagenet.address})`,
    ];
  });
  return [
    ['Backbone', 'Input', 'Features', 'Parameters', 'Preprocessing', 'ImageNet weights'],
    ['---', '---', '---:', '---:', '---', '---'],
    ...rows,
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
