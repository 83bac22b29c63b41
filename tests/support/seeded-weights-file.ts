/** A Keras weights file (.h5 of Keras 2) of a backbone, with the numbers of `--weights none`. */
import { dirname } from 'node:path';
import h5wasm, { type Group } from 'h5wasm/node';
import { describeBackbone } from '../../src/shared/backbones/load.ts';
import { seededSource } from '../../src/shared/weights/seeded.ts';

export async function writeSeededFile(path: string, name: string): Promise<void> {
  await h5wasm.ready;
  const source = seededSource(0);
  const { layers } = describeBackbone({ name, poolings: [] });
  const file = new h5wasm.File(path, 'w');
  file.create_attribute(
    'layer_names',
    layers.map(({ layer }) => layer),
  );
  for (const { layer, weights } of layers) {
    const group = file.create_group(layer) as Group;
    const names = weights.map((weight) => `${layer}/${weight.name}:0`);
    group.create_attribute('weight_names', names);
    group.create_group(dirname(names[0]));
    weights.forEach((weight, index) => {
      const data = source(layer, weight.name, weight.shape);
      group.create_dataset({ name: names[index], data, shape: [...weight.shape] });
    });
  }
  file.close();
}
