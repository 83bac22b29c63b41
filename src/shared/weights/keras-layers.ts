/** The layers with weights that a Keras HDF5 file holds, whichever of its layouts it was written in. */
import { Dataset, type File, Group } from 'h5wasm/node';
import { InputError } from '../errors.ts';
import type { SavedLayer, SavedWeight } from './match-layers.ts';

/** Reads names and shapes only; throws an InputError when this is no file of Keras weights. */
export function savedLayers(file: File, path: string): SavedLayer[] {
  for (const root of ['/', '/model_weights']) {
    const group = file.get(root);
    if (group instanceof Group && textList(group, 'layer_names')) return namedLayers(group, path);
  }
  const numbered = numberedLayers(file);
  if (numbered.some(({ weights }) => weights.length > 0)) return numbered;
  throw new InputError(`Expected Keras weights in ${path} but found an HDF5 file without layers`);
}

/**
 * Keras 1 and 2, and `.h5` of Keras 3: the attribute `layer_names` lists groups, each group's `weight_names` its arrays.
 * A model used as a layer of another one is a single group that holds the arrays of many layers: it is taken apart.
 */
function namedLayers(root: Group, path: string): SavedLayer[] {
  const backend = root.attrs.backend?.value;
  if (backend === 'theano') {
    throw new InputError(
      `Expected weights saved with TensorFlow in ${path} but found Theano's, whose kernels are flipped`,
    );
  }
  return (textList(root, 'layer_names') ?? []).flatMap((name) => {
    const group = root.get(name);
    if (!(group instanceof Group))
      throw new InputError(`Expected a group ${name} in ${path}, but it is missing`);
    const byOwner = new Map<string, SavedWeight[]>();
    for (const weight of textList(group, 'weight_names') ?? []) {
      const owner = weight.split('/').slice(0, -1).join('/');
      byOwner.set(owner, [
        ...(byOwner.get(owner) ?? []),
        savedWeight(group.get(weight), `${name}/${weight}`, path),
      ]);
    }
    if (byOwner.size <= 1) {
      const weights = [...byOwner.values()].flat();
      return [{ name, container: '', key: name, sequence: '', weights }];
    }
    return [...byOwner].map(([owner, weights]) => {
      const own = owner.split('/').at(-1) ?? owner;
      return { name: own, container: name, key: owner, sequence: '', weights };
    });
  });
}

/**
 * `.weights.h5` of Keras 3: `layers/conv2d_4/vars/0`, numbered within each class; newer versions add the layer's name
 * as an attribute. Each model within the model is a container of its own.
 */
function numberedLayers(file: File): SavedLayer[] {
  const layers = new Map<string, { container: string; key: string; weights: NumberedWeight[] }>();
  for (const path of file.paths()) {
    const [, container, key, position] = /^\/?(.*layers)\/([^/]+)\/vars(?:\/(\d+))?$/.exec(path) ?? [];
    if (container === undefined) continue;
    const layer = layers.get(`${container}/${key}`) ?? { container, key, weights: [] };
    layers.set(`${container}/${key}`, layer);
    const dataset = position === undefined ? undefined : file.get(path);
    if (dataset instanceof Dataset)
      layer.weights.push({ position: Number(position), path, shape: dataset.shape ?? [] });
  }
  const numbered = [...layers.values()].map(({ container, key, weights }) => {
    const [, sequence, number = '0'] = /^(.*?)(?:_(\d+))?$/.exec(key) ?? [];
    const vars = file.get(`${container}/${key}/vars`);
    const given = vars instanceof Group ? vars.attrs.name?.value : undefined;
    return {
      name: typeof given === 'string' ? given : key,
      container,
      key,
      sequence: `${container}/${sequence}`,
      number: Number(number),
      weights: weights.sort((a, b) => a.position - b.position),
    };
  });
  return numbered.sort((a, b) => a.sequence.localeCompare(b.sequence) || a.number - b.number);
}

interface NumberedWeight extends SavedWeight {
  readonly position: number;
}

function savedWeight(found: unknown, name: string, path: string): SavedWeight {
  if (!(found instanceof Dataset))
    throw new InputError(`Expected an array ${name} in ${path}, but it is missing`);
  return { path: found.path, shape: found.shape ?? [] };
}

/** An attribute that lists names; long lists are spread over `layer_names0`, `layer_names1` ... */
function textList(group: Group, attribute: string): string[] | undefined {
  const { attrs } = group;
  const whole = attrs[attribute]?.value;
  if (whole !== undefined) return texts(whole);
  if (!(`${attribute}0` in attrs)) return undefined;
  const all: string[] = [];
  for (let chunk = 0; `${attribute}${chunk}` in attrs; chunk++)
    all.push(...texts(attrs[`${attribute}${chunk}`].value));
  return all;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
